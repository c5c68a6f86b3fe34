import { defineConfig } from 'banyan';
{{agent_imports}}
import { settings } from './src/agents/settings.ts';

/** What makes this team yours. Every field: docs/children.md of Banyan. */
export default defineConfig({
  domain: { name: '{{domain}}', description: {{json:description}} },
  // A role that is not named here is played by Banyan's own.
  agents: [{{agent_instances}}],
  ...settings,
});
