import { describe, expect, it } from 'vitest';
import { BanyanError } from '../../kernel/errors.ts';
import { packageRoot } from '../../kernel/package-root.ts';
import { parseAnswers } from '../answers.ts';
import { createBook } from '../book.ts';
import { renderTemplate } from '../render.ts';
import { readTemplate } from '../template.ts';
import type { Identity } from './identity.ts';
import { patchOf } from './patch.ts';
import { leaksOf, makeProposal, type Proposal } from './proposal.ts';
import { issueBody, pullBody } from './words.ts';

const template = readTemplate(packageRoot());
const answers = parseAnswers(
  { name: 'velo-works', domain: 'e-commerce', agents: ['developer', 'qa'], owner: 'radhaus', description: 'Bicycles made to measure in Basel' },
  'answers',
);
const facts = { banyan: 'file:vendor/banyan-0.1.0.tgz' };
const rendered = new Map(renderTemplate(template, answers, facts).map((file) => [file.path, file.content]));
const book = createBook({ template, commit: null, banyan: facts.banyan, answers, files: renderTemplate(template, answers, facts) });
const identity: Identity = { answers, repository: 'radhaus/laden', people: ['Rosa Rad', 'rosa@radhaus.ch'] };

function propose(edits: Record<string, (text: string) => string>, more: { allowed?: string[]; title?: string } = {}): Proposal {
  const files = new Map(Object.entries(edits).map(([path, edit]) => [path, edit(rendered.get(path) ?? '')]));
  return makeProposal({ book, template, files, identity, title: more.title, allowed: more.allowed ?? [] });
}

function refusal(work: () => unknown): BanyanError {
  try {
    work();
  } catch (error) {
    if (error instanceof BanyanError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const append = (line: string) => (text: string) => `${text}${line}\n`;

describe('what a child gives back', () => {
  it('goes to the file of the template that its own was made from', () => {
    const agent = propose({ 'src/agents/developer.ts': (text) => text.replace('- Dates of promotions', '- Round half to even.\n- Dates of promotions') });
    expect(agent.files.map(({ origin }) => origin)).toEqual(['templates/domains/e-commerce/files/src/agents/developer.ts']);
    const workflow = propose({ '.github/workflows/ci.yml': (text) => text.replace('timeout-minutes: 15', 'timeout-minutes: 20') });
    expect(workflow.files.map(({ origin }) => origin)).toEqual(['templates/github-workflows/ci.yml']);
    expect(workflow.patch).toMatch(/^-\s+timeout-minutes: 15$/m);
    expect(workflow.patch).toMatch(/^\+\s+timeout-minutes: 20$/m);
    const ignored = propose({ '.gitignore': append('*.orig') });
    expect(ignored.files[0]?.origin).toBe('child-template/files/dot_gitignore');
  });

  it('holds placeholders where answers were put in', () => {
    const { files } = propose({
      'banyan.config.ts': (text) => text.replace("domain: { name: 'e-commerce',", "domain: { audience: 'consumers', name: 'e-commerce',"),
    });
    expect(files[0]?.after).toContain("domain: { audience: 'consumers', name: '{{domain}}', description: {{json:description}} }");
    expect(files[0]?.after).not.toMatch(/velo|Basel|radhaus/i);
  });

  it('turns the names of the child in new lines into placeholders', () => {
    const { files, patch } = propose({ 'AGENTS.md': append('See radhaus/velo-works: Bicycles made to measure in Basel.') });
    expect(files[0]?.after).toContain('See {{owner}}/{{name}}: {{description}}.');
    expect(patch).not.toMatch(/velo|Basel|radhaus/i);
  });

  it('leaves out what only an answer says, and takes the rest', () => {
    const { files, patch } = propose({
      'package.json': (text) => text.replace('"version": "0.1.0"', '"version": "3.2.1"').replace(/"vitest": "[^"]+"/, '"vitest": "99.0.0"'),
    });
    expect(patch).toContain('+  "version": "3.2.1"');
    expect(patch).not.toContain('99.0.0');
    expect(files[0]?.leftOut).toMatchObject([{ text: expect.stringContaining('99.0.0') as string }]);
    const added = refusal(() => propose({ 'package.json': (text) => text.replace(/"vitest": "[^"]+"/, '"vitest": "99.0.0"') }));
    expect(added.code).toBe('nothing_changed');
    expect(added.message).toContain('package.json:');
  });

  it('makes a patch that says the same file again as the same proposal', () => {
    const first = propose({ 'vitest.config.ts': append('// one') });
    const second = propose({ 'vitest.config.ts': append('// two') });
    expect([second.key, second.hash === first.hash]).toEqual([first.key, false]);
    expect(propose({ 'vitest.config.ts': (text) => append('// one')(text).replaceAll('\n', '\r\n') }).hash).toBe(first.hash);
  });
});

describe('what never leaves', () => {
  it.each([
    ['another spelling of the name', 'class VeloWorksTest {}', 'name'],
    ['the name in words', '// for Velo Works only', 'name'],
    ['the repository', '// as in the laden', 'repository'],
    ['an address of a person', '// ask rosa@radwerk.ch', 'e-mail address'],
    ['a person', '// by Rosa Rad', 'person'],
    ['a private address', 'server: 10.4.3.2', 'address'],
    ['one of a home', "listen('192.168.1.20')", 'address'],
    ['one with a port', 'http://172.16.0.9:8080/x', 'address'],
    ['one of the sixth version', 'bind fd12:3456:789a::1', 'address'],
    ['a socket', "const url = 'wss://ws.x-internal.io/live';", 'address'],
    ['a database', 'redis://cache:6379', 'address'],
    ['a remote', 'git@git.x-internal.io:team/repo.git', 'address'],
    ['a name of the inside', '// see wiki.velo.internal', 'address'],
    ['a handle', '// ask @jane-doe', 'person'],
    ['a team', '* @acme/shop-team', 'person'],
    ['the account in capitals', '// RADHAUS only', 'owner'],
    ['the account with hyphens', '// Rad-Haus only', 'owner'],
    ['the account with spaces', '// the Rad Haus way', 'owner'],
    ['the name in capitals', 'VELOWORKS_URL', 'name'],
    ['the domain', '// For e-commerce only', 'domain'],
    ["the domain's short words", '// one SKU at a time', 'domain'],
    ['a host without a scheme', '// mail goes by smtp.zalora-mail.io', 'address'],
    ['one with a port', 'db.zalora.com:5432', 'address'],
    ['one with a port and an ending of its own', "connect('db.zalora.prod:5432')", 'address'],
    ['one of two words in a comment', '// the shop is at zalora.io', 'address'],
    ['one for any scheme', "load('//cdn.zalora.net/x.js')", 'address'],
    ['a host of a cloud', '// host: mysql-prod.eu-west-1.rds.amazonaws.com', 'address'],
    ['a host after its name', "  hostname: 'db1.zalora',", 'address'],
    ['a host in a variable', '// API_URL=api.zalora.app/v1', 'address'],
    ["somebody's repository", '// https://github.com/zalora-secret/velo-backend/issues/3', 'repository'],
    ['one without a scheme', '// see gitlab.com/zalora/shop', 'repository'],
    ['an image of theirs', "image: 'ghcr.io/zalora/shop:latest'", 'repository'],
    ['the name in a word', '// veloworks2', 'name'],
    ['the name behind another', 'const myveloworks = 1;', 'name'],
    ['the account in a word', '// radhausprod', 'owner'],
    ['the account with a number', '// radhaus01.example', 'owner'],
    ['a host', "const url = 'https://api.internal-bikes.ch/v1';", 'address'],
  ])('%s, unless it is let through', (_, line, kind) => {
    const error = refusal(() => propose({ 'vitest.config.ts': append(line) }));
    expect(error.code).toBe('forbidden');
    const leaks = leaksOf(error);
    expect(leaks.map((leak) => leak.kind)).toContain(kind);
    expect(propose({ 'vitest.config.ts': append(line) }, { allowed: leaks.map(({ text }) => text) }).patch).toContain(`+${line}`);
  });

  it('a secret, whatever is allowed, and its value is in no message', () => {
    const secret = ['ghp', '_', 'aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xYaB3d'].join('');
    const error = refusal(() => propose({ 'vitest.config.ts': append(`const token = '${secret}';`) }, { allowed: [secret, 'github token'] }));
    expect(error.code).toBe('secret_found');
    expect(JSON.stringify([error.message, error.fix, error.data])).not.toContain(secret);
    expect(error.message).toMatch(/vitest\.config\.ts:\d+/);
  });

  it.each([
    ['password', "password: 'correct-Horse9-battery'", 'vitest.config.ts'],
    ['a phrase', 'const passphrase = "correct horse battery staple";', 'vitest.config.ts'],
    ['a default', "const s = process.env['CRON_SECRET'] ?? 'hunter2-hunter2';", 'vitest.config.ts'],
    ['in JSON', '"apiKey": "q1w2e3r4t5"', 'vitest.config.ts'],
    ['without quotes', '      DB_PASSWORD: hunter2hunter', '.github/workflows/ci.yml'],
    ['without a digit', '      DB_PASSWORD: hunterpassword', '.github/workflows/ci.yml'],
    ["as a mailer's", "auth: { user: 'x', pass: 'Hunter2-x9-Tango' },", 'vitest.config.ts'],
    ['in capitals', "const DB_PASS = 'hunterhunter';", 'vitest.config.ts'],
    ['with a type', "const password: string = 'hunter2hunter';", 'vitest.config.ts'],
    ['assigned where there is none', "PGPASS ??= 'hunterhunter'", 'vitest.config.ts'],
    ['in camel case', "dbPass: 'hunter2hunter'", 'vitest.config.ts'],
    ['of a client', '      - run: mysql -u shop -phunter2hunter shop', '.github/workflows/ci.yml'],
    ['as an option', "run('tool', '--password=hunter2hunter');", 'vitest.config.ts'],
    ['of a request', '// curl -u shop:hunter2hunter x', 'vitest.config.ts'],
    ['a long default', "process.env.K ?? '0f1e2d3c4b5a69788796a5b4c3d2e1f0'", 'vitest.config.ts'],
    ['a header', 'curl -H "X-Key: 0f1e2d3c4b5a69788796a5b4c3d2e1f0" x', '.github/workflows/ci.yml'],
    ['a key of a file', 'KEY=0f1e2d3c4b5a69788796a5b4c3d2e1f0', '.gitignore'],
    ['a header of an object', "headers: { 'X-Key': '0f1e2d3c4b5a69788796a5b4c3d2e1f0' }", 'vitest.config.ts'],
  ])('a value that its name gives away (%s), whatever is allowed, and not in the message', (_, line, path) => {
    const value = /(correct[\w -]+(?:battery|staple)|hunter[\w-]{4,}|Hunter2[\w-]+|q1w2e3r4t5|0f1e\w+)/.exec(line)?.[0] ?? '-';
    const error = refusal(() => propose({ [path]: append(line) }, { allowed: [value, line, 'value of a secret name'] }));
    expect([error.code, leaksOf(error).length]).toEqual(['secret_found', 1]);
    expect(JSON.stringify([error.message, error.fix, error.data])).not.toContain(value);
    expect(error.message).toMatch(/:\d+: secret \(value of a secret name\)/);
  });

  it.each([
    ["import { Octokit } from '@octokit/rest';", 'vitest.config.ts'],
    ['/** @param name of whom; @throws never */', 'vitest.config.ts'],
    ["const token = process.env['GITHUB_TOKEN'];", 'vitest.config.ts'],
    ["const password = 'changeme';", 'vitest.config.ts'],
    ["env('SOME_TOKEN', { secret: true, maxTokens: 8000 });", 'vitest.config.ts'],
    ["const key = read(options.token, 'utf8-and-more');", 'vitest.config.ts'],
    ["listen('127.0.0.1', 'http://localhost:3000', 'https://nodejs.org/api', '192.0.2.7');", 'vitest.config.ts'],
    ['      GITHUB_TOKEN: ${{ secrets.GITHUB_TOKEN }}', '.github/workflows/ci.yml'],
    ['      - uses: actions/setup-node@v4.1.2 # 4.1.2', '.github/workflows/ci.yml'],
    ['see src/app.ts:12, docs/children.md:3, package.json:7 and node:22', 'vitest.config.ts'],
    ['const url = options.server; server.listen(config.port); import.meta.url; text.at(-1);', 'vitest.config.ts'],
    ['const app = stack.app; await expect(stack.net).resolves.toBe(z.infer); z.string().min(1);', 'vitest.config.ts'],
    ['// As in https://github.com/actions/checkout and github.com/vercel/next.js, and at docs.github.com.', 'vitest.config.ts'],
    ['      - uses: docker/setup-buildx-action@v3', '.github/workflows/ci.yml'],
    ['      - uses: actions/cache@0f1e2d3c4b5a69788796a5b4c3d2e1f001020304', '.github/workflows/ci.yml'],
    ['      secrets: inherit', '.github/workflows/ci.yml'],
    ['      password: required', '.github/workflows/ci.yml'],
    ["it('passes', () => expect({ pass: 'succeeded', bypass: 'everything' }).toBe(1));", 'vitest.config.ts'],
    ["const tokens = 'a token: something'; const key = 'customer-key';", 'vitest.config.ts'],
    ["fetch(url, { headers: { accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' } });", 'vitest.config.ts'],
    ["const sha = process.env['GITHUB_SHA'] ?? '0000000000000000000000000000000000000000';", 'vitest.config.ts'],
    ['Ask for the password: something, and keep each secret: environment variables are read.', 'AGENTS.md'],
    ['// Radhauswand is a longer word, and VAT and SKUs are not in this file: 1.2.3', 'src/agents/developer.ts'],
  ])('but not %j', (line, path) => {
    expect(propose({ [path]: append(line) }).patch).toContain(`+${line}`);
  });

  it.each([...template.domains.keys()])('nor anything that the templates say themselves, in the domain %s', (domain) => {
    const own = parseAnswers({ ...answers, domain, agents: ['product-owner', 'developer', 'qa', 'reviewer'] }, 'answers');
    const files = renderTemplate(template, own, facts);
    const domainBook = createBook({ template, commit: null, banyan: facts.banyan, answers: own, files });
    const known = { book: domainBook, template, identity: { ...identity, answers: own }, title: undefined, allowed: [] };
    const target = files.find(({ path }) => path === 'src/agents/developer.ts')!;
    // Every line once more, where it is new.
    const lines = files.filter(({ class: kind }) => kind === 'managed' || kind === 'merged').flatMap(({ content }) => content.split('\n'));
    const added = lines.map((line) => `${line} // and so\n`).join('');
    const work = () => makeProposal({ ...known, files: new Map([[target.path, `${target.content}${added}`]]) });
    expect(() => work()).not.toThrowError();
    expect(work().patch.split('\n').length).toBeGreaterThan(100);
  });

  it('a host of the account, also where its name has become a placeholder', () => {
    const line = '// radhaus.io:8080';
    expect(leaksOf(refusal(() => propose({ 'vitest.config.ts': append(line) })))).toMatchObject([{ kind: 'address', text: 'radhaus.io' }]);
  });

  it('asks for no mother, and no repository that the templates name', () => {
    const files = new Map([['vitest.config.ts', append('// See https://github.com/forest/banyan/issues/7')(rendered.get('vitest.config.ts')!)]]);
    const input = { book, template, files, identity, title: undefined, allowed: [] };
    expect(leaksOf(refusal(() => makeProposal(input)))).toMatchObject([{ kind: 'repository', text: 'github.com/forest/banyan' }]);
    expect(makeProposal({ ...input, mother: 'forest/Banyan' }).patch).toContain('forest/banyan/issues/7');
  });

  it.each(['a', 'a-', 'a.', 'mysql ', 'a-key="', '"a: ', 'pass'])('nor what stands at the end of a very long line of %j', (unit) => {
    const line = `// ${unit.repeat(100_000)} 10.4.3.2 password: 'hunter2-hunter2'`;
    expect(leaksOf(refusal(() => propose({ 'vitest.config.ts': append(line) }))).map(({ kind }) => kind)).toEqual(['secret', 'address']);
  });

  it('and the text claims no more than was done', () => {
    const proposal = propose({ 'vitest.config.ts': append('// x') });
    for (const body of [issueBody(proposal), pullBody(proposal)]) {
      expect(body).not.toContain('has been taken out');
      expect(body).toContain('is for a reader to see');
    }
  });

  it('the language of the template, which would mean something else there', () => {
    const error = refusal(() => propose({ 'AGENTS.md': append('Write {{user.name}} in mails.') }, { allowed: ['{{user.name}}'] }));
    expect(leaksOf(error)).toMatchObject([{ kind: 'placeholder', always: true }]);
    expect(propose({ '.github/workflows/ci.yml': append('# ${{ github.sha }}') }).patch).toContain('+# ${{ github.sha }}');
  });

  it('a title that names the child', () => {
    expect(leaksOf(refusal(() => propose({ 'vitest.config.ts': append('// x') }, { title: 'As at velo-works' })))).toMatchObject([
      { path: '--title', kind: 'name' },
    ]);
  });

  it.each([
    ['README.md', 'seed'],
    ['src/own.ts', 'local'],
  ])('%s, which is of the class %s', (path, kind) => {
    const error = refusal(() => propose({ [path]: append('// better') }));
    expect(error.data).toMatchObject({ path, class: kind });
    expect(error.fix).toContain('vitest.config.ts');
  });

  it('a file as it was rendered', () => {
    expect(refusal(() => propose({ 'vitest.config.ts': (text) => text })).code).toBe('nothing_changed');
  });
});

describe('patchOf', () => {
  it('keeps three lines around a change and joins what is near', () => {
    const lines = Array.from({ length: 20 }, (_, index) => `line ${index + 1}`);
    const before = `${lines.join('\n')}\n`;
    const after = before.replace('line 2\n', '').replace('line 5\n', 'line five\n').replace('line 19\n', 'line 19\nmore\n');
    expect(patchOf('a/b.txt', before, after)).toBe(
      [
        'diff --git a/a/b.txt b/a/b.txt',
        '--- a/a/b.txt',
        '+++ b/a/b.txt',
        '@@ -1,8 +1,7 @@',
        ' line 1',
        '-line 2',
        ' line 3',
        ' line 4',
        '-line 5',
        '+line five',
        ' line 6',
        ' line 7',
        ' line 8',
        '@@ -17,4 +16,5 @@',
        ' line 17',
        ' line 18',
        ' line 19',
        '+more',
        ' line 20',
        '',
      ].join('\n'),
    );
    expect(patchOf('x', before, before)).toBe('');
  });
});
