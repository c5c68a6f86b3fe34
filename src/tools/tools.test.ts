import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { snapshotOf } from '../context/snapshot.ts';
import { createWorkspace } from '../context/workspace.ts';
import { createLocalSandboxProvider } from '../sandbox/local/provider.ts';
import { AGENT_TOOLS, toolsFor } from './index.ts';
import type { Discovery, ToolContext } from './tool.ts';

const CART = 'export function total(items) {\n  let sum = 0;\n  for (const item of items) {\n    sum += item.price;\n  }\n  return sum;\n}\n';

interface Bench {
  context: ToolContext;
  call: (name: string, input: Record<string, unknown>) => Promise<string>;
  discoveries: Discovery[];
  questions: string[];
  refusals: string[];
}

function bench(files: Record<string, string> = { 'src/cart.js': CART, 'README.md': '# Shop\n', 'package.json': '{}' }, maxOutputBytes = 10_000): Bench {
  const discoveries: Discovery[] = [];
  const questions: string[] = [];
  const refusals: string[] = [];
  const context: ToolContext = {
    callId: 'call_1',
    workspace: createWorkspace({ snapshot: snapshotOf(files) }),
    signal: new AbortController().signal,
    limits: { maxOutputBytes, commandTimeoutSeconds: 5 },
    recordDiscovery: (discovery) => discoveries.push(discovery),
    askHuman: (question) => questions.push(question),
    noteRefusal: (code) => refusals.push(code),
  };
  return {
    context,
    discoveries,
    questions,
    refusals,
    async call(name, input) {
      const tool = AGENT_TOOLS.find((candidate) => candidate.name === name);
      if (!tool) throw new Error(`no tool ${name}`);
      return tool.execute(tool.schema.parse(input), context);
    },
  };
}

function failing(code: string, message: RegExp) {
  return { code, message: expect.stringMatching(message) };
}

describe('the list of tools', () => {
  it('has the names and fields of the contract', () => {
    const contract = AGENT_TOOLS.map(({ name, schema, permission }) => {
      const { properties = {}, required = [] } = z.toJSONSchema(schema);
      return `${permission}: ${name} {${Object.keys(properties)
        .map((field) => (required.includes(field) ? field : `${field}?`))
        .join(', ')}}`;
    });
    expect(contract).toEqual([
      'read: list_files {path?, glob?}',
      'read: read_file {path, offset?, limit?}',
      'read: search_code {query, path?}',
      'write: write_file {path, content}',
      'write: edit_file {path, old_string, new_string}',
      'write: delete_file {path}',
      'run: run_command {command, timeout_seconds?}',
      'discover: record_discovery {kind, title, description}',
      'ask: ask_human {question}',
    ]);
  });

  it('gives a role only what it may do', () => {
    expect(toolsFor(['read', 'run']).map(({ name }) => name)).toEqual(['list_files', 'read_file', 'search_code', 'run_command']);
    expect(toolsFor([])).toEqual([]);
  });
});

describe('list_files', () => {
  it('lists, narrows, and says when there is nothing', async () => {
    const { call } = bench();
    expect(await call('list_files', {})).toBe('3 files:\nREADME.md\npackage.json\nsrc/cart.js');
    expect(await call('list_files', { path: 'src', glob: '*.js' })).toBe('1 files:\nsrc/cart.js');
    expect(await call('list_files', { path: 'lib' })).toBe('No files below lib. The repository has 3 files.');
  });

  it('counts by folder where there are too many', async () => {
    const files = Object.fromEntries(Array.from({ length: 900 }, (_, index) => [`src/part${index % 3}/f${index}.ts`, '']));
    const { call } = bench(files);
    const all = await call('list_files', {});
    expect(all).toContain('900 files, too many');
    expect(all).toContain('src/part0/ (300 files)');
    expect(await call('list_files', { path: 'src/part1' })).toContain('300 files:\nsrc/part1/');
  });
});

describe('read_file', () => {
  it('numbers the lines and says how to go on', async () => {
    const { call } = bench();
    expect(await call('read_file', { path: 'src/cart.js', offset: 2, limit: 2 })).toBe(
      '    2\t  let sum = 0;\n    3\t  for (const item of items) {\n[4 more lines: offset=4]',
    );
    expect(await call('read_file', { path: 'README.md' })).toBe('    1\t# Shop');
    await expect(call('read_file', { path: 'README.md', offset: 2 })).rejects.toMatchObject(failing('payload_invalid', /has 1 lines/));
  });

  it('suggests what may have been meant', async () => {
    const { call } = bench({ 'src/cart.js': '', 'empty.txt': '' });
    await expect(call('read_file', { path: 'lib/cart.js' })).rejects.toMatchObject(failing('not_found', /Did you mean: src\/cart\.js/));
    await expect(call('read_file', { path: 'zzz' })).rejects.toMatchObject(failing('not_found', /list_files/));
    await expect(call('read_file', { path: '/etc/passwd' })).rejects.toMatchObject({ code: 'path_invalid' });
    expect(await call('read_file', { path: 'empty.txt' })).toBe('empty.txt is empty.');
  });

  it('comes to the end in parts of bounded size, without losing a line', async () => {
    const text = Array.from({ length: 3_000 }, (_, index) => `line ${index + 1}`).join('\n');
    const { call } = bench({ big: text }, 5_000);
    const seen: string[] = [];
    for (let offset: number | undefined = 1; offset !== undefined;) {
      const part: string = await call('read_file', { path: 'big', offset });
      expect(Buffer.byteLength(part)).toBeLessThanOrEqual(5_000);
      seen.push(
        ...part
          .split('\n')
          .filter((line) => !line.startsWith('['))
          .map((line) => line.split('\t')[1] ?? ''),
      );
      const next = /offset=(\d+)/.exec(part)?.[1];
      offset = next === undefined ? undefined : Number(next);
    }
    expect(seen.join('\n')).toBe(text);
  });
});

describe('search_code', () => {
  it('shows where, and says when there is nothing', async () => {
    const { call } = bench();
    expect(await call('search_code', { query: 'SUM +=' })).toBe('1 matching lines:\nsrc/cart.js:4:     sum += item.price;');
    expect(await call('search_code', { query: 'nowhere', path: 'src' })).toBe('No line contains "nowhere" below src.');
  });

  it('is bounded', async () => {
    const { call } = bench({ big: 'match this\n'.repeat(400) }, 2_000);
    const found = await call('search_code', { query: 'match' });
    expect(found).toContain('400 matching lines');
    expect(Buffer.byteLength(found)).toBeLessThanOrEqual(2_000);
    expect(await bench({ big: 'match\n'.repeat(101) }).call('search_code', { query: 'match' })).toContain('[1 more matching lines');
  });
});

describe('write_file, edit_file, delete_file', () => {
  it('write what there was not, and say it when nothing changes', async () => {
    const { call, context } = bench();
    expect(await call('write_file', { path: 'src/new.js', content: 'a\nb' })).toBe('Wrote src/new.js (2 lines).');
    expect(context.workspace.read('src/new.js')).toBe('a\nb');
    expect(await call('write_file', { path: 'src/new.js', content: 'a\nb' })).toContain('nothing was changed');
  });

  it('edit exactly one place', async () => {
    const { call, context } = bench();
    expect(await call('edit_file', { path: 'src/cart.js', old_string: 'item.price', new_string: 'item.price * $& item.count' })).toBe(
      'Edited src/cart.js at line 4.',
    );
    expect(context.workspace.read('src/cart.js')).toBe(CART.replace('item.price', () => 'item.price * $& item.count'));
  });

  it('say why an edit does not fit', async () => {
    const { call, context } = bench();
    await expect(call('edit_file', { path: 'src/cart.js', old_string: 'sum', new_string: 'x' })).rejects.toMatchObject(
      failing('conflict', /found 3 times .*lines 2, 4, 6/),
    );
    await expect(call('edit_file', { path: 'src/cart.js', old_string: 'let sum  = 0', new_string: 'x' })).rejects.toMatchObject(
      failing('not_found', /Nearest lines[\s\S]* 2\t {2}let sum = 0;/),
    );
    await expect(call('edit_file', { path: 'src/cart.js', old_string: 'qwertz', new_string: 'x' })).rejects.toMatchObject(
      failing('not_found', /Nothing in the file resembles it/),
    );
    await expect(call('edit_file', { path: 'src/cart.js', old_string: 'sum', new_string: 'sum' })).rejects.toMatchObject(failing('payload_invalid', /same/));
    await expect(call('edit_file', { path: 'cart.js', old_string: 'a', new_string: 'b' })).rejects.toMatchObject(failing('not_found', /src\/cart\.js/));
    expect(context.workspace.read('src/cart.js')).toBe(CART);
  });

  it('keep Windows line ends', async () => {
    const { call, context } = bench({ 'a.txt': 'one\r\ntwo\r\nthree\r\n' });
    await call('edit_file', { path: 'a.txt', old_string: 'one\ntwo', new_string: '1\n2' });
    expect(context.workspace.read('a.txt')).toBe('1\r\n2\r\nthree\r\n');
  });

  it('delete, or say what there is', async () => {
    const { call, context } = bench();
    expect(await call('delete_file', { path: 'README.md' })).toBe('Deleted README.md.');
    expect(context.workspace.list()).not.toContain('README.md');
    await expect(call('delete_file', { path: 'lib/cart.js' })).rejects.toMatchObject(failing('not_found', /src\/cart\.js/));
  });

  it('leave protected files to people', async () => {
    const { call } = bench();
    const attempts = [
      call('write_file', { path: 'package.json', content: '{"scripts":{}}' }),
      call('edit_file', { path: 'package.json', old_string: '{}', new_string: '{ }' }),
      call('delete_file', { path: 'package.json' }),
      call('write_file', { path: '.github/workflows/ci.yml', content: '' }),
    ];
    for (const attempt of attempts) await expect(attempt).rejects.toMatchObject(failing('path_protected', /only a person/));
  });
});

describe('run_command', () => {
  it('runs in the sandbox and shows how it ended', async () => {
    const { call, context } = bench({ 'a.txt': 'x' }, 1_000);
    const workspace = createWorkspace({ snapshot: snapshotOf({ 'a.txt': 'x' }), sandboxProvider: createLocalSandboxProvider() });
    context.workspace = workspace;
    expect(await call('run_command', { command: 'cat a.txt; exit 3' })).toMatch(/^exit code 3, \d+\.\d s\nx$/);
    expect(await call('run_command', { command: 'true' })).toContain('(no output)');
    const flood = await call('run_command', { command: 'seq 1 9999' });
    expect(flood).toContain('bytes cut');
    expect(Buffer.byteLength(flood)).toBeLessThanOrEqual(1_000);
    expect(await call('run_command', { command: 'sleep 30', timeout_seconds: 1 })).toContain('killed after 1 seconds');
    await workspace.dispose();
  });

  it('notes what of a command was refused, though the command itself went well', async () => {
    const { call, context, refusals } = bench();
    const workspace = createWorkspace({ snapshot: snapshotOf({ 'package.json': '{}' }), sandboxProvider: createLocalSandboxProvider() });
    context.workspace = workspace;
    expect(await call('run_command', { command: 'true' })).toContain('exit code 0');
    expect(refusals).toEqual([]);
    expect(await call('run_command', { command: 'echo x > package.json' })).toContain('protected files');
    expect(refusals).toEqual(['path_protected']);
    await workspace.dispose();
  });

  it('has an upper limit on time and passes the signal on', async () => {
    const { call, context } = bench();
    const asked: unknown[] = [];
    context.workspace = {
      ...context.workspace,
      async run(request) {
        asked.push(request);
        return { exitCode: 0, output: '', timedOut: false, truncated: false, durationMs: 1 };
      },
    };
    await call('run_command', { command: 'true', timeout_seconds: 900 });
    await call('run_command', { command: 'true' });
    expect(asked).toMatchObject([{ timeoutSeconds: 5, signal: context.signal }, { timeoutSeconds: 5 }]);
  });
});

describe('record_discovery and ask_human', () => {
  it('hand on what was said', async () => {
    const { call, discoveries, questions } = bench();
    await call('record_discovery', { kind: 'bug', title: 'Off by one', description: 'src/cart.js:4' });
    await call('ask_human', { question: 'Which currency?' });
    expect(discoveries).toEqual([{ kind: 'bug', title: 'Off by one', description: 'src/cart.js:4' }]);
    expect(questions).toEqual(['Which currency?']);
  });
});
