import { afterEach, describe, expect, it } from 'vitest';
import { createLocalSandboxProvider } from '../sandbox/local/provider.ts';
import type { SandboxProvider } from '../sandbox/types.ts';
import { snapshotOf, type RepositorySnapshot, type SnapshotFile } from './snapshot.ts';
import { createWorkspace, type Workspace, type WorkspaceOptions } from './workspace.ts';

const open: Workspace[] = [];

const FILES = {
  'package.json': '{"scripts":{"test":"node --test"}}',
  '.gitignore': 'dist/\n*.log\n',
  'src/a.js': 'module.exports = 1;\n',
  'src/b.js': 'module.exports = 2;\n',
  'a.test.js': "require('node:test').test('is one', () => require('node:assert').equal(require('./src/a.js'), 1));\n",
};

function workspace(options: Partial<WorkspaceOptions> = {}): Workspace {
  const made = createWorkspace({ snapshot: snapshotOf(FILES), sandboxProvider: createLocalSandboxProvider(), ...options });
  open.push(made);
  return made;
}

function sh(target: Workspace, command: string) {
  return target.run({ command, timeoutSeconds: 30 });
}

function withFiles(...files: SnapshotFile[]): RepositorySnapshot {
  return { files: new Map([...snapshotOf(FILES).files, ...files.map((file): [string, SnapshotFile] => [file.path, file])]), bytes: 0 };
}

function file(path: string, text: string, mode: SnapshotFile['mode'] = '100644'): SnapshotFile {
  return { path, mode, size: text.length, content: Buffer.from(text) };
}

/** Real sandboxes; writes down in which of them each command of a caller ran, and with what network. */
function recorded(reachesRegistries: boolean): { provider: SandboxProvider; ran: string[] } {
  const local = createLocalSandboxProvider();
  const ran: string[] = [];
  let made = 0;
  return {
    ran,
    provider: {
      name: 'recorded',
      reachesRegistries,
      sweep: () => Promise.resolve(0),
      async create(options) {
        const sandbox = await local.create(options);
        const number = (made += 1);
        return {
          ...sandbox,
          run(command) {
            // The workspace's own say nothing of a network.
            if (command.network) ran.push(`${number} ${command.command} ${command.network}`);
            return sandbox.run(command);
          },
        };
      },
    },
  };
}

function coded(code: string) {
  return expect.objectContaining({ code });
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((made) => made.dispose()));
});

describe('workspace in memory', () => {
  it('lists by folder and glob', () => {
    const made = workspace();
    expect(made.list()).toEqual(['.gitignore', 'a.test.js', 'package.json', 'src/a.js', 'src/b.js']);
    expect(made.list({ path: './src/' })).toEqual(['src/a.js', 'src/b.js']);
    expect(made.list({ path: '.', glob: '*.test.js' })).toEqual(['a.test.js']);
    expect(made.list({ glob: 'src/**/*.js' })).toEqual(['src/a.js', 'src/b.js']);
    expect(made.list({ glob: 'a.js' })).toEqual(['src/a.js']);
    expect(made.list({ path: 'sr' })).toEqual([]);
    expect(() => made.list({ path: '../x' })).toThrow(coded('path_invalid'));
    expect(() => made.list({ glob: '*a'.repeat(20) })).toThrow(coded('path_invalid'));
  });

  it('reads, writes, removes and searches its own state', () => {
    const made = workspace();
    made.write('src/new.js', 'let fresh;\n');
    made.write('src/a.js', 'module.exports = 3;\n');
    made.remove('src/b.js');
    expect(made.read('src/a.js')).toBe('module.exports = 3;\n');
    expect(() => made.read('src/b.js')).toThrow(coded('not_found'));
    expect(made.search('fresh').matches).toEqual([{ path: 'src/new.js', line: 1, text: 'let fresh;' }]);
    expect(made.search('exports', 'src').total).toBe(1);
    expect(made.changes().map(({ path }) => path)).toEqual(['src/a.js', 'src/b.js', 'src/new.js']);
  });

  it('refuses protected paths, defaults and configured ones', () => {
    const made = workspace({ protectedPaths: ['src/b.js'] });
    for (const path of ['package.json', '.github/workflows/x.yml', 'x/../package.json', 'src/b.js', './src//b.js']) {
      expect(() => made.write(path, 'x')).toThrow(expect.objectContaining({ code: expect.stringMatching(/^path_(protected|invalid)$/) }));
    }
    expect(() => made.remove('package.json')).toThrow(coded('path_protected'));
    expect(made.changes()).toEqual([]);
  });

  it('refuses what cannot be: a file below a file, over a folder, through a link, too large', () => {
    const made = workspace({ snapshot: withFiles(file('link', 'src/a.js', '120000'), file('image', 'PNG\0\0')) });
    expect(() => made.write('src/a.js/x', '')).toThrow(coded('path_invalid'));
    expect(() => made.write('src', '')).toThrow(coded('path_invalid'));
    expect(() => made.write('link', '')).toThrow(coded('path_invalid'));
    expect(() => made.write('big', 'x'.repeat(1024 * 1024 + 1))).toThrow(coded('payload_too_large'));
    expect(() => made.read('link')).toThrow(expect.objectContaining({ code: 'media_type_unsupported', message: expect.stringContaining('src/a.js') }));
    expect(() => made.read('image')).toThrow(coded('media_type_unsupported'));
    expect(() => made.read('src')).toThrow(expect.objectContaining({ message: expect.stringContaining('folder') }));
  });

  it('keeps the mode of a file that it replaces', () => {
    const made = workspace({ snapshot: withFiles(file('run', 'old', '100755')) });
    made.write('run', 'new');
    expect(made.changes()).toEqual([{ path: 'run', mode: '100755', content: 'bmV3' }]);
  });

  it('runs nothing without a sandbox', async () => {
    const made = createWorkspace({ snapshot: snapshotOf(FILES) });
    await expect(sh(made, 'true')).rejects.toMatchObject({ code: 'sandbox_unavailable' });
  });
});

describe('workspace with a sandbox', () => {
  it('runs the tests over the files as they are now', async () => {
    const made = workspace();
    expect(await sh(made, 'npm test')).toMatchObject({ exitCode: 0 });
    made.write('src/a.js', 'module.exports = 5;\n');
    expect((await sh(made, 'npm test')).exitCode).toBe(1);
    made.remove('src/a.js');
    expect((await sh(made, 'ls src')).output).toBe('b.js\n');
    made.write('src/a.js', FILES['src/a.js']);
    expect((await sh(made, 'npm test')).exitCode).toBe(0);
    expect(made.changes()).toEqual([]);
  });

  it('takes back what a command changes, by the rules of .gitignore', async () => {
    const made = workspace();
    await sh(
      made,
      'echo "// more" >> src/a.js; rm src/b.js; mkdir -p dist new node_modules/x; echo 1 > dist/o; echo 1 > x.log; echo 1 > node_modules/x/i; echo hi > "new/f ü"; chmod +x a.test.js; ln -s ../src/a.js new/l',
    );
    expect(made.changes()).toEqual([
      { path: 'a.test.js', mode: '100755', content: Buffer.from(FILES['a.test.js']).toString('base64') },
      { path: 'new/f ü', mode: '100644', content: 'aGkK' },
      { path: 'new/l', mode: '120000', content: Buffer.from('../src/a.js').toString('base64') },
      { path: 'src/a.js', mode: '100644', content: Buffer.from(`${FILES['src/a.js']}// more\n`).toString('base64') },
      { path: 'src/b.js', deleted: true },
    ]);
    await sh(made, 'printf "module.exports = 2;\\n" > src/b.js; rm -r new; printf "module.exports = 1;\\n" > src/a.js; chmod -x a.test.js');
    expect(made.changes()).toEqual([]);
    expect((await sh(made, 'cat dist/o')).output).toBe('1\n');
  });

  const leftovers = [
    ...['lib/__pycache__/a.pyc', 'b.pyc', '.pytest_cache/v', '.mypy_cache/v', '.ruff_cache/v', '.venv/bin/x', 'node_modules/x/i', '.npm/_cacache/x'],
    ...['target/debug/x', 'coverage/lcov.info', '.nyc_output/x', 'shop.egg-info/PKG-INFO', 'src/.DS_Store'],
  ];
  const makeAll = leftovers.map((path) => `mkdir -p $(dirname ${path}) && echo 1 > ${path}`).join('; ');

  it('leaves caches and what builds leave behind, also without a .gitignore', async () => {
    const made = workspace({ snapshot: snapshotOf({ 'Cargo.toml': '[package]' }) });
    await sh(made, `${makeAll}; echo 1 > kept.py`);
    expect(made.changes().map(({ path }) => path)).toEqual(['kept.py']);
    const other = workspace({ snapshot: snapshotOf({ 'a.py': '' }) });
    await sh(other, makeAll);
    expect(other.changes().map(({ path }) => path)).toEqual(['target/debug/x']);
  });

  it('takes changes of such files where the repository has them', async () => {
    const made = workspace({ snapshot: snapshotOf({ 'coverage/badge.svg': 'old', 'vendored.pyc': 'old' }) });
    await sh(made, 'echo new > coverage/badge.svg; echo 1 > coverage/lcov.info; rm vendored.pyc');
    expect(made.changes()).toEqual([
      { path: 'coverage/badge.svg', mode: '100644', content: Buffer.from('new\n').toString('base64') },
      { path: 'vendored.pyc', deleted: true },
    ]);
  });

  it('keeps what was written in memory even where .gitignore excludes it', async () => {
    const made = workspace();
    made.write('dist/kept.js', 'kept');
    await sh(made, 'true');
    expect(made.changes().map(({ path }) => path)).toEqual(['dist/kept.js']);
    await sh(made, 'rm dist/kept.js');
    expect(made.changes()).toEqual([]);
  });

  it('drops changes of protected files and says so once', async () => {
    const made = workspace();
    const first = await sh(made, 'echo "{}" > package.json; mkdir -p .github; echo x > .github/w.yml; rm .gitignore');
    expect(first.output).toMatch(/protected.*\.github\/w\.yml, package\.json/);
    expect(first.refused).toEqual(['.github/w.yml', 'package.json']);
    expect(made.changes()).toEqual([{ path: '.gitignore', deleted: true }]);
    expect((await sh(made, 'true')).output).toBe('');
    expect(made.read('package.json')).toBe(FILES['package.json']);
  });

  it('believes nothing that comes back: links outwards, repositories in it, odd names, hooks', async () => {
    const made = workspace();
    const hostile = [
      'ln -s /etc/passwd out; ln -s ../../etc out2; ln -s src inside',
      'git init -q sub && echo x > sub/f && cd sub && git -c user.name=x -c user.email=x@x add f && cd ..',
      'git init -q . && printf "#!/bin/sh\\ntouch /workspace/HOOKED\\n" > .git/hooks/post-index-change && chmod +x .git/hooks/*',
      "printf '* text eol=crlf filter=evil\\n' > .gitattributes; git config filter.evil.clean 'touch /workspace/FILTERED; cat'",
      "printf 'a\\r\\nb\\n' > ends.txt; printf x > \"$(printf 'bad\\377name')\"; mkfifo pipe; printf '\\0' > nul",
    ].join('\n');
    const { output } = await sh(made, hostile);
    expect(output).toMatch(/Symlinks that leave.*out, out2/);
    const changes = made.changes();
    expect(changes.map(({ path }) => path)).toEqual(['.gitattributes', 'ends.txt', 'inside', 'nul']);
    expect(changes).toContainEqual({ path: 'ends.txt', mode: '100644', content: Buffer.from('a\r\nb\n').toString('base64') });
    await sh(made, 'true');
    expect(made.list().filter((path) => /HOOKED|FILTERED/.test(path))).toEqual([]);
  });

  it('leaves out what is too large or too much, and says so', async () => {
    const made = workspace();
    expect((await sh(made, 'head -c 3000000 /dev/zero > big; echo small > small')).output).toContain('Too large to be part of the change: big');
    expect(made.changes().map(({ path }) => path)).toEqual(['small']);
    const many = await sh(made, 'mkdir many; i=0; while [ $i -lt 2100 ]; do : > many/$i; i=$((i+1)); done');
    expect(many.output).toContain('more than the 2000');
    expect(made.changes().map(({ path }) => path)).toEqual(['small']);
  });

  it('unpacks modes and links of the snapshot', async () => {
    const made = workspace({
      snapshot: withFiles(file('bin/run', '#!/bin/sh\necho ran\n', '100755'), file('bin/go', 'run', '120000'), file("q'uote $x", 'q')),
    });
    expect((await sh(made, `bin/go; readlink bin/go; cat "q'uote "*`)).output).toBe('ran\nrun\nq');
    expect(made.changes()).toEqual([]);
  });

  it('goes on from its changes in another workspace', async () => {
    const first = workspace();
    first.write('src/a.js', 'module.exports = 7;\n');
    await sh(first, 'rm src/b.js; ln -s a.js src/l');
    const second = workspace({ changes: JSON.parse(JSON.stringify(first.changes())) });
    expect((await sh(second, 'cat src/l; ls src')).output).toBe('module.exports = 7;\na.js\nl\n');
    expect(second.changes()).toEqual(first.changes());
  });

  it('says it when git was broken, and heals with the next sandbox', async () => {
    const made = workspace();
    expect((await sh(made, 'rm -rf "$HOME"/.banyan*; echo x > lost')).output).toContain('could not be read');
    await made.dispose();
    expect((await sh(made, 'ls lost; echo y > kept')).exitCode).toBe(0);
    expect(made.changes().map(({ path }) => path)).toEqual(['kept']);
  });

  it('opens another sandbox where one broke, with all changes', async () => {
    const local = createLocalSandboxProvider();
    let made = 0;
    const provider: SandboxProvider = {
      name: 'short',
      reachesRegistries: false,
      sweep: () => Promise.resolve(0),
      async create(options) {
        made += 1;
        const sandbox = await local.create(options);
        if (made === 1) await sandbox.destroy();
        return sandbox;
      },
    };
    const target = workspace({ sandboxProvider: provider });
    target.write('new', 'x');
    expect((await sh(target, 'cat new')).output).toBe('x');
    expect(made).toBe(2);
  });

  it('says what a command can reach, and opens the network in no machine that others used', async () => {
    const { provider, ran } = recorded(true);
    const target = workspace({ sandboxProvider: provider });
    target.write('new', 'x');
    await target.run({ command: 'install', timeoutSeconds: 5, network: 'registries' });
    await target.run({ command: 'install', timeoutSeconds: 5, network: 'registries' });
    await sh(target, 'test -f new');
    const again = await target.run({ command: 'test -f new', timeoutSeconds: 5, network: 'registries' });
    await sh(target, 'test');
    expect(ran).toEqual(['1 install registries', '1 install registries', '1 test -f new none', '2 test -f new registries', '2 test none']);
    expect(again.exitCode).toBe(0);
  });

  it('keeps the machine where the network stays closed anyway', async () => {
    const { provider, ran } = recorded(false);
    const target = workspace({ sandboxProvider: provider });
    await sh(target, 'test');
    await target.run({ command: 'install', timeoutSeconds: 5, network: 'registries' });
    expect(ran).toEqual(['1 test none', '1 install registries']);
  });

  it('passes an abort on and runs one command after the other', async () => {
    const made = workspace();
    const [one, two] = await Promise.all([sh(made, 'sleep 0.2; echo 1 >> order'), sh(made, 'echo 2 >> order')]);
    expect([one.exitCode, two.exitCode]).toEqual([0, 0]);
    expect(made.read('order')).toBe('1\n2\n');
    const controller = new AbortController();
    const running = made.run({ command: 'sleep 30', timeoutSeconds: 30, signal: controller.signal });
    setTimeout(() => controller.abort(new Error('enough')), 100);
    await expect(running).rejects.toThrow('enough');
    expect((await sh(made, 'cat order')).output).toBe('1\n2\n');
  });
});
