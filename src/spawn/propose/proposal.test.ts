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
  ])('a value that its name gives away (%s), whatever is allowed, and not in the message', (_, line, path) => {
    const value = /(correct[\w -]+(?:battery|staple)|hunter2[\w-]+|q1w2e3r4t5)/.exec(line)?.[0] ?? '-';
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
    ['// Radhauswand is a longer word, and VAT and SKUs are not in this file: 1.2.3', 'src/agents/developer.ts'],
  ])('but not %j', (line, path) => {
    expect(propose({ [path]: append(line) }).patch).toContain(`+${line}`);
  });

  it.each(['a', 'a-', 'a.'])('nor what stands at the end of a very long line of %j', (unit) => {
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
