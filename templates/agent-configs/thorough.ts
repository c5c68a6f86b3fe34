/** What an issue may cost and how long the team goes on by itself. A repository may say otherwise in its .github/banyan.yml. */
export const settings = {
  budgets: { usd: 20, warn_at_percent: 80 },
  limits: { question_rounds: 4, fix_cycles: 5, max_steps: 150 },
};
