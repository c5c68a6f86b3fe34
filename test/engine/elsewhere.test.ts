import { generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHandlers } from '../../src/app.ts';
import { publicKeyText, signRequest } from '../../src/domain/message-signature.ts';
import type { SignatureClaims } from '../../src/domain/message-signature.ts';
import { createElsewhere } from '../../src/engine/elsewhere.ts';
import type { Elsewhere } from '../../src/engine/elsewhere.ts';
import { heartbeatJob } from '../../src/watch/heartbeat.ts';
import { runJob } from '../../src/watch/job.ts';
import type { WatchParts } from '../../src/watch/job.ts';
import { openIssue, pullsOf } from '../e2e/watch.ts';
import type { Watched } from '../e2e/watch.ts';
import { addTask, aPlace, aTicketAtWork, only } from '../store/builders.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine, Process } from '../support/engine.ts';
import { content, developerSteps, DEVELOPED, inRole, PLAIN, saidTo, SUBMIT_DEVELOPER, WRITE_GREETING } from './scripts.ts';

let engine: Engine;
let worker: Process;
let elsewhere: Elsewhere;
let nudges = 0;
beforeAll(async () => {
  engine = await startEngine();
  worker = engine.process();
  elsewhere = createElsewhere(worker.parts, () => (nudges += 1));
  // What a developer is to do waits, so that it is an agent of elsewhere who comes first.
  await engine.sql(
    `create function banyan.wait_for_test() returns trigger language plpgsql as $$ begin new.due_at := now() + interval '1 hour'; return new; end $$`,
  );
  await engine.sql(`create trigger wait_for_test before insert on tasks for each row when (new.role = 'developer') execute function banyan.wait_for_test()`);
});
afterAll(() => engine.close());

interface Answer {
  status: number;
  body: Record<string, unknown> & { error?: { code: string; message: string } };
}

interface Agent {
  id: string;
  privateKey: KeyObject;
}

interface Bent {
  claims?: Partial<SignatureClaims>;
  /** Sent in the place of what was signed. */
  body?: object;
  headers?: Record<string, string>;
}

function signed({ id, privateKey }: Agent, action: string, body: object, claims?: Partial<SignatureClaims>): Record<string, string> {
  const request = { method: 'POST', path: `/api/agents/${action}`, body: Buffer.from(JSON.stringify(body)) };
  return signRequest(request, { keyId: id, privateKey }, claims);
}

async function ask(agent: Agent, action: string, body: object = {}, bent: Bent = {}): Promise<Answer> {
  const headers = bent.headers ?? signed(agent, action, body, bent.claims);
  const request = new Request(`https://banyan.test/api/agents/${action}`, { method: 'POST', headers, body: JSON.stringify(bent.body ?? body) });
  const answer = await elsewhere.agent(request, action);
  return { status: answer.status, body: (await answer.json()) as Answer['body'] };
}

async function administer(action: string, body: object): Promise<Answer> {
  const answer = await elsewhere.administrator(new Request('https://banyan.test/', { method: 'POST', body: JSON.stringify(body) }), action);
  return { status: answer.status, body: (await answer.json()) as Answer['body'] };
}

async function register(organization: string, role = 'developer', keys = generateKeyPairSync('ed25519')): Promise<Agent> {
  const { status, body } = await administer('register', { organization, role, name: 'A builder', key: publicKeyText(keys.publicKey) });
  expect([status, body.error]).toEqual([200, undefined]);
  return { id: String(body['id']), privateKey: keys.privateKey };
}

/** An issue of a new repository whose plan is there and whose developer is awaited. */
async function planned(name: string): Promise<{ watched: Watched; agent: Agent }> {
  const watched = await engine.repository(name, PLAIN);
  engine.cast.in(name, content);
  await openIssue(watched, { title: 'Greet more warmly', body: 'Please.' });
  await worker.drain();
  await worker.drain();
  await engine.sql(`update tasks set due_at = now() where role = 'developer' and state = 'pending'`);
  return { watched, agent: await register('acme') };
}

describe('an agent of elsewhere', () => {
  it('claims a task with its brief, and its files and result go the way of any other', async () => {
    const { watched, agent } = await planned('far');
    engine.cast.in(
      'far',
      inRole('developer', () => {
        throw new Error('the model was asked');
      }),
    );
    const { body } = await ask(agent, 'claim');
    const task = body['task'] as { id: string };
    expect(body).toMatchObject({ task: { role: 'developer', phase: 'develop' }, repository: 'acme/far', issue: { title: 'Greet more warmly' } });
    expect(body).toMatchObject({ system: expect.stringContaining('submit_developer_result'), opening: expect.stringContaining('Greet more warmly.') });
    expect(body['revision']).toMatch(/^[0-9a-f]{40}$/);
    expect(Object.keys((body['result_schema'] as { properties: object }).properties)).toEqual(Object.keys(DEVELOPED));
    // Somebody is at work: nobody else takes it, here or elsewhere.
    expect((await ask(agent, 'claim')).body).toEqual({ task: null });
    expect(await worker.drain()).toMatchObject({ tasks: 0 });
    expect(await ask(agent, 'renew', { task: task.id })).toMatchObject({ status: 200, body: { status: 'renewed', lease_seconds: 120 } });

    const refused = await ask(agent, 'result', { task: task.id, result: { summary: 'No more.' } });
    expect(refused).toMatchObject({ status: 400, body: { error: { code: 'payload_invalid', message: expect.stringContaining('pr_title') } } });
    const handed = {
      task: task.id,
      result: DEVELOPED,
      changes: [
        { path: 'greeting.txt', content: 'Hello, and welcome.\n' },
        { path: 'notes/old.txt', deleted: true },
      ],
    };
    const before = nudges;
    expect(await ask(agent, 'result', handed)).toEqual({ status: 200, body: { status: 'handed_in' } });
    expect(nudges).toBe(before + 1);
    // Once more, because the answer got lost: it is not held any more.
    expect(await ask(agent, 'result', handed)).toMatchObject({ status: 409, body: { error: { code: 'lease_lost' } } });

    await engine.settle(worker);
    const [pull] = await pullsOf(watched);
    expect(pull).toMatchObject({ title: DEVELOPED.pr_title, state: 'open' });
    const { data: files } = await watched.octokit.rest.pulls.listFiles({ owner: 'acme', repo: 'far', pull_number: pull?.number ?? 0 });
    expect(files.map(({ filename, status }) => `${filename} ${status}`).toSorted()).toEqual(['greeting.txt modified', 'notes/old.txt removed']);
  });

  it('passes no gate: a protected path is refused, and Banyan’s own model goes on with it', async () => {
    const { watched, agent } = await planned('gate');
    engine.cast.in('gate', developerSteps(WRITE_GREETING, SUBMIT_DEVELOPER));
    const { body } = await ask(agent, 'claim');
    const { id } = body['task'] as { id: string };
    const changes = [{ path: '.github/workflows/evil.yml', content: 'on: push\n' }];
    expect(await ask(agent, 'result', { task: id, result: DEVELOPED, changes })).toMatchObject({ status: 200 });
    await engine.settle(worker);
    const heard = engine.models.requests.filter((request) => request.agent === 'developer' && saidTo(request).includes('acme/gate '));
    expect(saidTo(heard[0])).toMatch(/evil\.yml.*protected|protected.*evil\.yml/);
    const [pull] = await pullsOf(watched);
    const { data: files } = await watched.octokit.rest.pulls.listFiles({ owner: 'acme', repo: 'gate', pull_number: pull?.number ?? 0 });
    expect(files.map(({ filename }) => filename)).toEqual(['greeting.txt']);
  });

  it('that gives a task back leaves it to the workers here', async () => {
    const { watched, agent } = await planned('back');
    const { id } = (await ask(agent, 'claim')).body['task'] as { id: string };
    expect(await ask(agent, 'release', { task: id })).toEqual({ status: 200, body: { status: 'released' } });
    // It has been begun: it is not handed out again.
    expect((await ask(agent, 'claim')).body).toEqual({ task: null });
    await engine.settle(worker);
    expect(await pullsOf(watched)).toHaveLength(1);
  });
});

describe('a request that is not an agent’s', () => {
  it('has one answer, whatever is wrong with it', async () => {
    const agent = await register('acme');
    const nobody = { id: '00000000-0000-4000-8000-000000000000', privateKey: agent.privateKey };
    const seconds = Math.floor(Date.now() / 1000);
    const once = signed(agent, 'heartbeat', {});
    expect(await ask(agent, 'heartbeat', {}, { headers: once })).toMatchObject({ status: 200, body: { agent: agent.id, role: 'developer', state: 'active' } });
    const answers = [
      await ask(agent, 'heartbeat', {}, { headers: once }),
      await ask({ ...agent, privateKey: generateKeyPairSync('ed25519').privateKey }, 'heartbeat'),
      await ask(nobody, 'heartbeat'),
      await ask(agent, 'heartbeat', {}, { body: { altered: true } }),
      await ask(agent, 'heartbeat', {}, { claims: { created: seconds - 120 } }),
      await ask(agent, 'heartbeat', {}, { claims: { created: seconds + 120 } }),
      await ask(agent, 'heartbeat', {}, { headers: signed(agent, 'claim', {}) }),
      await ask(agent, 'heartbeat', {}, { headers: {} }),
    ];
    const [first] = answers;
    expect(first).toMatchObject({ status: 401, body: { error: { code: 'unauthorized' } } });
    for (const answer of answers) expect(answer).toEqual(first);
  });

  it('that is sent twice at once is taken once', async () => {
    const agent = await register('acme');
    const headers = signed(agent, 'heartbeat', {});
    const answers = await Promise.all([1, 2, 3, 4].map(() => ask(agent, 'heartbeat', {}, { headers })));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 401, 401, 401]);
  });

  it('nonces go when their signatures are too old', async () => {
    const agent = await register('acme');
    await engine.sql(`update banyan.agent_nonces set expires_at = now() - interval '1 second'`);
    await ask(agent, 'heartbeat');
    expect(await engine.sql('select agent_id from banyan.agent_nonces')).toEqual([{ agent_id: agent.id }]);
  });
});

describe('what an agent may do', () => {
  it('is for the role and the organization of its registration only', async () => {
    const desk = await aTicketAtWork(engine.store, [addTask('d', { role: 'developer' }), addTask('q', { role: 'qa' })], aPlace());
    const mine = await aTicketAtWork(engine.store, [], aPlace());
    await engine.sql(`update tasks set due_at = now() where state = 'pending'`);
    const other = await register(mine.place.account.login);
    expect((await ask(other, 'claim')).body).toEqual({ task: null });

    const held = only((await desk.claim('worker-here')).filter(({ task }) => task.key === 'd')).task.id;
    const unknown = '00000000-0000-4000-8000-000000000000';
    for (const action of ['renew', 'result']) {
      const answers = await Promise.all([held, unknown].map((task) => ask(other, action, { task, result: DEVELOPED })));
      expect(answers[0]).toMatchObject({ status: 409, body: { error: { code: 'lease_lost' } } });
      expect(answers[1]).toEqual(answers[0]);
    }
    await ask(other, 'release', { task: held });
    expect(await engine.sql('select state, lease_owner from tasks where id = $1', [held])).toEqual([{ state: 'running', lease_owner: 'worker-here' }]);
    expect(await engine.sql('select from conversations where task_id = $1', [held])).toEqual([]);
  });

  it('ends when it is retired, and so does what it holds; its key never comes back', async () => {
    const keys = generateKeyPairSync('ed25519');
    const desk = await aTicketAtWork(engine.store, [addTask('d')], aPlace());
    await engine.sql(`update tasks set due_at = now() where state = 'pending'`);
    const { login } = desk.place.account;
    const agent = await register(login, 'developer', keys);
    const claimed = await engine.store.claimForAgent(agent.id, 120);
    expect(claimed).toMatchObject({ task: { key: 'd' } });
    expect(await administer('retire', { agent: agent.id })).toEqual({ status: 200, body: { status: 'retired' } });
    expect(await administer('retire', { agent: agent.id })).toMatchObject({ status: 200 });
    expect(await ask(agent, 'heartbeat')).toMatchObject({ status: 403, body: { error: { code: 'forbidden' } } });
    expect(await engine.sql('select lease_expires_at <= now() as over from tasks where id = $1', [claimed?.task.id])).toEqual([{ over: true }]);
    const again = await administer('register', { organization: login, role: 'developer', name: 'x', key: publicKeyText(keys.publicKey) });
    expect(again).toMatchObject({ status: 409, body: { error: { code: 'conflict' } } });
    expect(await engine.sql(`select action from audit_log where target = $1 order by id`, [agent.id])).toEqual([
      { action: 'agent.registered' },
      { action: 'agent.retired' },
    ]);
  });

  it('needs a registration that makes sense', async () => {
    const key = publicKeyText(generateKeyPairSync('ed25519').publicKey);
    const good = { organization: 'acme', role: 'developer', name: 'A builder', key };
    const refusals = [{ organization: 'nobody-here' }, { role: 'juggler' }, { key: 'no key' }, { name: ' ' }];
    const answers = await Promise.all(refusals.map((bad) => administer('register', { ...good, ...bad })));
    expect(answers.map(({ status }) => status)).toEqual([404, 400, 400, 400]);
    expect(answers[0]?.body.error?.message).toMatch(/no such organization here.*first delivery.*register again/s);
    const first = await administer('register', good);
    expect(await administer('register', good)).toEqual(first);
    expect(await administer('register', { ...good, role: 'qa' })).toMatchObject({ status: 409 });
    expect(await ask(await register('acme'), 'dance')).toMatchObject({ status: 404 });
  });

  it('that falls silent loses its task, is judged by itself, and is well again with its next result', async () => {
    const desk = await aTicketAtWork(engine.store, [addTask('d')], aPlace());
    await engine.sql(`update tasks set due_at = now() where state = 'pending'`);
    const agent = await register(desk.place.account.login);
    const id = (await engine.store.claimForAgent(agent.id, 60))?.task.id;
    await engine.sql(`update tasks set lease_expires_at = now() - interval '1 second' where id = $1`, [id]);
    await runJob(heartbeatJob, { ...worker.parts } as WatchParts, Infinity);
    expect(await engine.sql('select state, lease_owner from tasks where id = $1', [id])).toEqual([{ state: 'pending', lease_owner: null }]);
    const states = () => engine.sql(`select state, losses from agents where organization_id = (select organization_id from tasks where id = $1)`, [id]);
    expect(await states()).toEqual([{ state: 'degraded', losses: 1 }]);
    expect(await ask(agent, 'renew', { task: id })).toMatchObject({ status: 409 });
    await engine.store.noteAgentResult(agent.id);
    expect(await states()).toEqual([{ state: 'active', losses: 1 }]);
  });

  it('that loses one task after the other is held like any other agent, and no silence makes it well', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const desk = await aTicketAtWork(
      engine.store,
      names.map((name) => addTask(name)),
      aPlace(),
    );
    await engine.sql('update organizations set max_concurrent_agents = null');
    await engine.sql(`update tasks set due_at = now() where state = 'pending'`);
    const agent = await register(desk.place.account.login);
    const beat = () => runJob(heartbeatJob, { ...worker.parts } as WatchParts, Infinity);
    const seen: unknown[] = [];
    const row = async () => (await engine.sql('select state, losses, losses_in_a_row as in_a_row from agents where id = $1', [agent.id]))[0];
    const loseTwoAtOnce = async () => {
      const held = [await engine.store.claimForAgent(agent.id, 60), await engine.store.claimForAgent(agent.id, 60)].map((claimed) => claimed?.task.id);
      for (const id of held) await engine.sql(`update tasks set lease_expires_at = now() - interval '1 second' where id = $1`, [id]);
      await beat();
      seen.push(await row());
    };
    for (let time = 1; time <= 5; time += 1) await loseTwoAtOnce();
    expect(seen).toEqual([1, 2, 3, 4, 5].map((time) => ({ state: time < 5 ? 'degraded' : 'failed', losses: 2 * time, in_a_row: time })));
    expect(await ask(agent, 'claim')).toEqual({ status: 200, body: { task: null } });

    await engine.sql(`update agents set lost_at = lost_at - interval '2 hours', last_seen_at = now() - interval '2 hours' where id = $1`, [agent.id]);
    expect(await beat()).toMatchObject({ looked: 0 });
    expect(await row()).toEqual({ state: 'failed', losses: 10, in_a_row: 5 });
    await ask(agent, 'heartbeat');
    await beat();
    expect(await row()).toEqual({ state: 'active', losses: 10, in_a_row: 0 });
  });

  it('that stands idle and says nothing is degraded, then failed, and well again with one word', async () => {
    const desk = await aTicketAtWork(engine.store, [], aPlace());
    const [agent, unused] = [await register(desk.place.account.login), await register(desk.place.account.login)];
    const beat = () => runJob(heartbeatJob, { ...worker.parts } as WatchParts, Infinity);
    const states = async () =>
      Promise.all([agent, unused].map(async ({ id }) => (await engine.sql<{ state: string }>('select state from agents where id = $1', [id]))[0]?.state));
    const silence = (seconds: number) => engine.sql('update agents set last_seen_at = now() - make_interval(secs => $2) where id = $1', [agent.id, seconds]);
    await ask(agent, 'heartbeat');
    await silence(230);
    expect(await beat()).toMatchObject({ looked: 0 });
    await silence(250);
    expect(await beat()).toMatchObject({ looked: 1, did: { agent_degraded: 1 } });
    expect(await beat()).toMatchObject({ looked: 0 });
    await silence(490);
    expect(await beat()).toMatchObject({ looked: 1, did: { agent_failed: 1 } });
    expect(await beat()).toMatchObject({ looked: 0 });
    // One that never said a word has not begun.
    expect(await states()).toEqual(['failed', 'active']);
    await ask(agent, 'heartbeat');
    expect(await beat()).toMatchObject({ looked: 1, did: { agent_active: 1 } });
    // Noticed late, both steps are told all the same.
    await silence(300_000);
    await beat();
    await beat();
    expect(await states()).toEqual(['failed', 'active']);
    expect(await engine.sql(`select action from audit_log where target = $1 and actor = 'heartbeat' order by id`, [agent.id])).toEqual(
      ['degraded', 'failed', 'active', 'degraded', 'failed'].map((state) => ({ action: `agent.${state}` })),
    );
  });

  it('stays within the limits of its organization', async () => {
    const desk = await aTicketAtWork(engine.store, [addTask('a'), addTask('b')], aPlace());
    await engine.sql(`update tasks set due_at = now() where state = 'pending'`);
    const agent = await register(desk.place.account.login);
    await engine.sql('update organizations set max_concurrent_agents = 1 where lower(login) = lower($1)', [desk.place.account.login]);
    const claims = await Promise.all([1, 2, 3].map(() => engine.store.claimForAgent(agent.id, 60)));
    expect(claims.filter((claimed) => claimed !== null)).toHaveLength(1);
  });
});

it('is reached under /api/agents: agents by their signature, administrators by the secret of the cron', async () => {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const environment = {
    GITHUB_APP_ID: '77',
    GITHUB_APP_PRIVATE_KEY: privateKey,
    GITHUB_WEBHOOK_SECRET: 'a secret of the test',
    SUPABASE_URL: 'http://127.0.0.1:1',
    SUPABASE_SECRET_KEY: 'sb_secret_of_the_test',
    SUPABASE_PUBLISHABLE_KEY: 'sb_publishable_of_the_test',
    CRON_SECRET: 'the secret of the cron',
  };
  const { agents } = createHandlers({ waitUntil: () => undefined, deadline: () => undefined }, environment, async () => worker.parts);
  const send = async (url: string, body: object, headers: Record<string, string>) => {
    const answer = await agents(new Request(`https://banyan.test${url}`, { method: 'POST', body: JSON.stringify(body), headers }));
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  const keys = generateKeyPairSync('ed25519');
  const registration = { organization: 'acme', role: 'qa', name: 'A tester', key: publicKeyText(keys.publicKey) };
  expect(await send('/api/agents/register', registration, {})).toMatchObject({ status: 401 });
  expect(await send('/api/agents/register', registration, { authorization: 'Bearer wrong' })).toMatchObject({ status: 401 });
  const { status, body } = await send('/api/agents/register', registration, { authorization: `Bearer ${environment.CRON_SECRET}` });
  expect([status, body['role']]).toEqual([200, 'qa']);
  const agent = { id: String(body['id']), privateKey: keys.privateKey };
  // As the platform hands it over after a rewrite, too: what was signed is the path that the agent called.
  expect(await send('/api/agents/heartbeat', {}, signed(agent, 'heartbeat', {}))).toMatchObject({ status: 200, body: { role: 'qa' } });
  expect(await send('/api/agents?action=heartbeat', {}, signed(agent, 'heartbeat', {}))).toMatchObject({ status: 200 });
  expect(await send('/api/agents/heartbeat', {}, { authorization: `Bearer ${environment.CRON_SECRET}` })).toMatchObject({ status: 401 });
});
