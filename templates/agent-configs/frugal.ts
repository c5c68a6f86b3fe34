/** What an issue may cost and how long the team goes on by itself. A repository may say otherwise in its .github/banyan.yml. */
export const settings = {
  budgets: { usd: 1, warn_at_percent: 70 },
  limits: { question_rounds: 1, fix_cycles: 2, max_steps: 40 },
};
