import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { emitterEventNames } from '@octokit/webhooks';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { readEnvironment } from '../../src/config/environment.ts';
import { repositoryConfigSchema } from '../../src/config/repository-schema.ts';
import { defaultRepositoryConfig, parseRepositoryConfig } from '../../src/config/repository.ts';
import { COMMANDS } from '../../src/domain/commands.ts';
import { readEnvelope } from '../../src/domain/intake.ts';
import { LABEL_KEYS } from '../../src/domain/labels.ts';
import type { Project } from '../../src/domain/model.ts';
import { BanyanError } from '../../src/kernel/errors.ts';
import { createGitHubApp } from '../../src/github/app.ts';
import { readStackSettings } from '../../src/local/stack/settings.ts';
import { checkHealth } from '../../src/engine/health.ts';
import { CHILD_MARK } from '../../src/spawn/services/vercel.ts';
import type { Health } from '../../src/store/contract.ts';
import { createPglite } from '../support/database.ts';
import { firstColumn, markedExample, markedTable, readPage, readPages, ROOT, spansOf } from './pages.ts';

const readme = readPage('README.md');
const configuration = readPage('docs/configuration.md');
const sorted = (names: Iterable<string>) => [...new Set(names)].toSorted();

/** The keys of the schemas, which their module keeps to itself. */
function variablesOf(path: string): string[] {
  const source = readFileSync(join(ROOT, path), 'utf8');
  return sorted([...source.matchAll(/^ {2}([A-Z][A-Z0-9_]+): /gm)].map((match) => match[1] ?? ''));
}

const ENVIRONMENT = sorted(['src/config/intake-environment.ts', 'src/config/environment.ts'].flatMap(variablesOf));
const LOCAL = variablesOf('src/local/stack/settings.ts');
const BY_ROLE = 'BANYAN_MODEL_<ROLE>';

function requiredVariables(): string[] {
  try {
    readEnvironment({});
  } catch (error) {
    if (error instanceof BanyanError) return sorted(error.data['variables'] as string[]);
    throw error;
  }
  throw new Error('an empty environment was accepted');
}

const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});

describe('environment variables', () => {
  it('are those that the code reads', () => {
    expect(ENVIRONMENT.length).toBeGreaterThan(20);
    expect(sorted(markedTable(readme, 'environment').flatMap((row) => spansOf(row[0])))).toEqual(sorted([...ENVIRONMENT, BY_ROLE]));
  });

  it('are called required where the code requires them', () => {
    const required = markedTable(readme, 'environment').filter((row) => row[1] === 'yes');
    expect(sorted(required.flatMap((row) => spansOf(row[0])))).toEqual(requiredVariables());
  });

  it('have the defaults that the code has', () => {
    const values = Object.fromEntries(requiredVariables().map((name) => [name, 'https://example.com/a-long-value']));
    const env = readEnvironment({ ...values, GITHUB_APP_ID: '1', GITHUB_APP_PRIVATE_KEY: privateKey });
    const meaning = (name: string) => markedTable(readme, 'environment').find((row) => spansOf(row[0]).includes(name))?.[2];
    expect(meaning('BANYAN_LEASE_SECONDS')).toContain(`default ${env.worker.leaseSeconds},`);
    expect(meaning('BANYAN_WORKER_TASKS')).toContain(`default ${env.worker.tasks},`);
    expect(meaning('BANYAN_RETENTION_DAYS')).toContain(`default ${env.retention.historyDays},`);
    expect(meaning('BANYAN_DELIVERY_RETENTION_DAYS')).toContain(`default ${env.retention.deliveryDays},`);
    expect(meaning('BANYAN_LOG_LEVEL')).toContain(`\`${env.logLevel}\` (default)`);
    expect(meaning('GITHUB_API_URL')).toContain(`default \`${env.github.apiUrl}\``);
    expect(readPage('docs/operations.md').text).toContain(`\`BANYAN_LEASE_SECONDS\` (${env.worker.leaseSeconds})`);
  });

  it('of the local stack are those of its settings, with their defaults', () => {
    const settings = readStackSettings({});
    const rows = Object.fromEntries(markedTable(readme, 'local').map((row) => [spansOf(row[0])[0], spansOf(row[1])[0]]));
    expect(sorted(Object.keys(rows))).toEqual(LOCAL);
    expect(rows).toMatchObject({
      BANYAN_PORT: String(settings.ports.app),
      BANYAN_GITHUB_PORT: String(settings.ports.github),
      BANYAN_SUPABASE_PORT: String(settings.ports.supabase),
      BANYAN_TICK_SECONDS: String(settings.tickSeconds),
    });
  });

  it('are all in .env.example, apart from what the platform sets', () => {
    const file = readFileSync(join(ROOT, '.env.example'), 'utf8');
    const named = [...file.matchAll(/^#?([A-Z][A-Z0-9_]+)=/gm)].map((match) => match[1] ?? '').filter((name) => !name.startsWith('BANYAN_MODEL_'));
    const platform = new Set(['VERCEL', 'VERCEL_PROJECT_PRODUCTION_URL']);
    expect(sorted(named)).toEqual(ENVIRONMENT.filter((name) => !platform.has(name)));
    const active = [...file.matchAll(/^([A-Z][A-Z0-9_]+)=/gm)].map((match) => match[1] ?? '');
    expect(active).toEqual(expect.arrayContaining(requiredVariables()));
  });

  it('of our own are known wherever a page names them', () => {
    const known = new Set([...ENVIRONMENT, ...LOCAL, BY_ROLE, CHILD_MARK]);
    const named = readPages().flatMap((page) => [...page.text.matchAll(/\bBANYAN_[A-Z_]*[A-Z](?:_<ROLE>)?/g)].map((match) => match[0]));
    expect(sorted(named).filter((name) => !known.has(name) && name !== 'BANYAN_MODEL_PRODUCT_OWNER')).toEqual([]);
  });
});

interface JsonSchema {
  properties?: Record<string, JsonSchema>;
  anyOf?: JsonSchema[];
}

/** Dotted names of all fields of a schema; free keys (labels, prices) are one field. */
function fieldsOf(schema: JsonSchema, prefix = ''): string[] {
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => {
    const below = fieldsOf(inner, `${prefix}${name}.`);
    const isGroup = inner.properties !== undefined;
    return isGroup ? below : [`${prefix}${name}`, ...below];
  });
  return [...own, ...(schema.anyOf ?? []).flatMap((choice) => fieldsOf(choice, prefix))];
}

function valueAt(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((inner, key) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, key) : undefined), value);
}

describe('.github/banyan.yml', () => {
  const fields = sorted(fieldsOf(z.toJSONSchema(repositoryConfigSchema, { io: 'input', unrepresentable: 'any' }) as JsonSchema));
  const example = markedExample(configuration, 'banyan.yml');

  it('is documented field by field, and nothing else is', () => {
    expect(fields).toEqual(
      expect.arrayContaining(['version', 'commands.test', 'budget', 'budget.usd', 'limits.fix_cycles', 'models.qa', 'models.prices', 'labels']),
    );
    expect(sorted(firstColumn(configuration, 'fields'))).toEqual(fields);
  });

  it('has an example that is valid and leaves no field out', () => {
    expect(parseRepositoryConfig(example).problems).toEqual([]);
    const value: unknown = parse(example);
    expect(fields.filter((field) => valueAt(value, field) === undefined)).toEqual([]);
    expect(sorted(Object.keys(valueAt(value, 'labels') as object))).toEqual(sorted(LABEL_KEYS));
  });

  it('has the defaults that are documented', () => {
    const { budget, limits, waiting } = defaultRepositoryConfig();
    const table = Object.fromEntries(markedTable(configuration, 'fields').map((row) => [spansOf(row[0])[0], spansOf(row[1])[0]]));
    expect(table).toMatchObject({
      budget: String(budget.usd),
      'budget.usd': String(budget.usd),
      'budget.warn_at_percent': String((budget.warnAtUsd / budget.usd) * 100),
      'limits.max_steps': String(limits.maxSteps),
      'limits.command_timeout_seconds': String(limits.commandTimeoutSeconds),
      'limits.max_repository_mb': String(limits.maxRepositoryMb),
      'waiting.remind_after_hours': String(waiting.remindAfterHours),
      'waiting.escalate_after_hours': String(waiting.escalateAfterHours),
      'waiting.end_after_hours': String(waiting.endAfterHours),
      'waiting.at_end': waiting.atEnd,
      'waiting.remind_merge': String(waiting.remindMerge),
    });
  });

  it('comes with the labels and commands that there are', () => {
    expect(firstColumn(configuration, 'labels')).toEqual([...LABEL_KEYS]);
    const names = firstColumn(configuration, 'commands').map((command) => command.split(' ')[1] ?? '');
    expect(names).toEqual([...COMMANDS]);
  });
});

/** What Banyan asks of GitHub for a token: the body of its request, with nobody answering further. */
async function askedPermissions(): Promise<Record<string, string>> {
  const bodies: { permissions: Record<string, string> }[] = [];
  const answer: typeof fetch = async (_url, init) => {
    if (typeof init?.body === 'string') bodies.push(JSON.parse(init.body) as { permissions: Record<string, string> });
    return Response.json({ token: 'ghs_documentation', expires_at: new Date(Date.now() + 3_600_000).toISOString(), permissions: {} }, { status: 201 });
  };
  const app = createGitHubApp({ appId: 1, privateKey, apiUrl: 'http://github.test', graphqlUrl: 'http://github.test/graphql', fetch: answer });
  const project: Project = { id: 'p', organization_id: 'o', installation_id: 1, github_id: 2, owner: 'acme', name: 'shop', default_branch: 'main' };
  await app.repository(project);
  return bodies.find((body) => body.permissions)?.permissions ?? {};
}

/** `issues.opened`, ... : what of all that GitHub sends is not ignored. */
function usedActions(): string[] {
  const payload = (action: string) => ({ action, sender: { type: 'User' } });
  const actions = emitterEventNames.filter((name) => name.includes('.'));
  return sorted(actions.filter((name) => readEnvelope(name.split('.')[0] ?? '', payload(name.split('.')[1] ?? '')).ignored === null));
}

describe('the GitHub App', () => {
  it('is made with the permissions that a token is asked with', async () => {
    const documented = Object.fromEntries(markedTable(readme, 'permissions').map((row) => [spansOf(row[0])[0], row[1]]));
    expect(documented).toEqual(await askedPermissions());
    expect(Object.keys(documented)).toContain('contents');
  });

  it('subscribes to the events and names the actions that are used', () => {
    const documented = markedTable(readme, 'events').flatMap((row) => spansOf(row[1]).map((action) => `${spansOf(row[0])[0]}.${action}`));
    expect(sorted(documented)).toEqual(usedActions());
  });

  it('gives each of them a reason', () => {
    const reasons = [...markedTable(readme, 'permissions'), ...markedTable(readme, 'events')].map((row) => row[2] ?? '');
    expect(reasons.filter((reason) => reason.length < 10)).toEqual([]);
  });
});

describe('health', () => {
  const opened = createPglite();
  afterAll(async () => (await opened).close());

  it('has the fields that the operations page explains', async () => {
    const database = await opened;
    const { rows } = await database.query<{ health: Health }>('select public.health() as health');
    const response = await checkHealth({ health: () => Promise.resolve((rows[0] as { health: Health }).health), close: () => Promise.resolve() });
    const body = (await response.json()) as Record<string, unknown>;
    expect(sorted(firstColumn(readPage('docs/operations.md'), 'health'))).toEqual(sorted(Object.keys(body)));
  });
});
