import { defineConfig } from 'banyan';
{{agent_imports}}

/** What makes this team yours. Every field: docs/children.md of Banyan. */
export default defineConfig({
  domain: { name: '{{domain}}', description: {{json:description}} },
  // A role that is not named here is played by Banyan's own.
  agents: [{{agent_instances}}],
  // For repositories whose .github/banyan.yml does not say otherwise.
  budgets: { usd: 5, warn_at_percent: 80 },
});
