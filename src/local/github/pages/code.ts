import { actorRole } from '../core/access.ts';
import type { Repository } from '../core/model.ts';
import { log } from '../git/history.ts';
import { accountOfSignature, diffBase } from '../render/commits.ts';
import { pageUrl } from '../render/repositories.ts';
import { renderDiff } from './diff.ts';
import type { Piece } from './html.ts';
import { html } from './html.ts';
import type { Page, View } from './layout.ts';
import { messagePage, repositoryPage, repositoryPath, when } from './layout.ts';
import { renderMarkdown } from './markdown.ts';

const COMMITS_SHOWN = 100;

export function homePage(view: View, owner: string | null): Page {
  const actor = view.viewer === null ? ({ kind: 'anonymous' } as const) : ({ kind: 'user', account: view.viewer } as const);
  const shown = view.forge.store.repositories.filter(
    (repository) => (owner === null || repository.owner === owner) && actorRole(view.forge.store, repository, actor) !== null,
  );
  if (owner !== null && view.forge.store.account(owner) === undefined) return messagePage(404, 'Not found', 'There is no such page.');
  const rows = shown.map(
    (repository) =>
      html`<li>
        <a href="${repositoryPath(repository)}"><strong>${repository.owner}/${repository.name}</strong></a>
        ${repository.private ? html` <span class="label">private</span>` : null}<br /><span class="muted">${repository.description}</span>
      </li>`,
  );
  return {
    status: 200,
    title: owner ?? 'Local GitHub',
    body: html`<h1>${owner ?? 'Repositories'}</h1>
      <ul class="rows box">
        ${rows}
      </ul>`,
  };
}

/** A folder or a file at a branch, tag or commit. The longest name that exists is the ref; the rest is the path. */
export function codePage(view: View, repository: Repository, rest: string): Page {
  const git = view.forge.git(repository);
  const found = splitRef(view, repository, rest);
  if (found === undefined) {
    if (rest !== '') return messagePage(404, 'Not found', 'There is no such branch or file.');
    return repositoryPage(repository, {
      title: repository.name,
      tab: 'code',
      body: html`<h1>${repository.name}</h1>
        <p>This repository is empty.</p>
        ${cloneHint(view, repository)}`,
    });
  }
  const { ref, sha, path } = found;
  const entry = git.entryAt(git.commit(sha)?.tree ?? '', path);
  if (entry === undefined) return messagePage(404, 'Not found', 'There is no such file.');
  const crumbs = html`<h1>${repository.name}${path === '' ? null : html` / ${path}`}</h1>
    <p class="muted">at <strong>${ref}</strong> · <a href="${repositoryPath(repository)}/commits/${ref}">commits</a></p>`;
  const body = entry.mode === '040000' ? folder(view, repository, { ref, sha: entry.sha, path }) : file(view, repository, { ref, sha: entry.sha, path });
  return repositoryPage(repository, { title: path === '' ? repository.name : path, tab: 'code', body: html`${crumbs}${body}` });
}

function splitRef(view: View, repository: Repository, rest: string): { ref: string; sha: string; path: string } | undefined {
  const git = view.forge.git(repository);
  const parts = rest === '' ? [repository.defaultBranch] : rest.split('/');
  const candidates = rest === '' ? [1] : parts.map((_part, index) => index + 1);
  for (const count of candidates) {
    const ref = parts.slice(0, count).join('/');
    const sha = git.resolve(ref) ?? (count === 1 && rest === '' ? git.branch(ref) : undefined);
    if (sha !== undefined) return { ref, sha, path: parts.slice(count).join('/') };
  }
  return undefined;
}

interface Place {
  ref: string;
  sha: string;
  path: string;
}

function folder(view: View, repository: Repository, { ref, sha, path }: Place): Piece {
  const git = view.forge.git(repository);
  const base = repositoryPath(repository);
  const entries = [...(git.tree(sha) ?? [])].sort((a, b) => Number(b.mode === '040000') - Number(a.mode === '040000') || (a.name < b.name ? -1 : 1));
  const rows = entries.map((entry) => {
    const target = path === '' ? entry.name : `${path}/${entry.name}`;
    const kind = entry.mode === '040000' ? 'tree' : 'blob';
    return html`<li><a href="${base}/${kind}/${ref}/${encodePath(target)}">${entry.name}${kind === 'tree' ? '/' : ''}</a></li>`;
  });
  const readme = entries.find((entry) => /^readme(\.md)?$/i.test(entry.name));
  const text = readme === undefined ? undefined : git.blob(readme.sha)?.toString();
  return html`<ul class="rows box">
      ${rows}
    </ul>
    ${
      text === undefined
        ? null
        : html`<section class="box">
            <div class="head">README</div>
            <div class="body">${renderMarkdown(text, base)}</div>
          </section>`
    }
    ${path === '' ? cloneHint(view, repository) : null}`;
}

function file(view: View, repository: Repository, { ref, sha, path }: Place): Piece {
  const data = view.forge.git(repository).blob(sha) ?? Buffer.alloc(0);
  const raw = html`<p><a href="${repositoryPath(repository)}/raw/${ref}/${encodePath(path)}">Raw</a> <span class="muted">${data.length} bytes</span></p>`;
  if (data.subarray(0, 8000).includes(0))
    return html`${raw}
      <p>Binary file.</p>`;
  if (/\.md$/i.test(path))
    return html`${raw}
      <div class="box"><div class="body">${renderMarkdown(data.toString(), repositoryPath(repository))}</div></div>`;
  const rows = data
    .toString()
    .replace(/\n$/, '')
    .split('\n')
    .map(
      (line, index) =>
        html`<tr id="L${index + 1}">
          <td class="no">${index + 1}</td>
          <td>${line}</td>
        </tr>`,
    );
  return html`${raw}
    <div class="box">
      <table class="code">
        ${rows}
      </table>
    </div>`;
}

function cloneHint(view: View, repository: Repository): Piece {
  return html`<h2>Clone</h2>
    <pre><code>git clone ${pageUrl(view.forge, repository)}.git</code></pre>`;
}

function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

/** A file's bytes; undefined when there is none. */
export function rawFile(view: View, repository: Repository, rest: string): Buffer | undefined {
  const git = view.forge.git(repository);
  const found = splitRef(view, repository, rest);
  const entry = found === undefined ? undefined : git.entryAt(git.commit(found.sha)?.tree ?? '', found.path);
  return entry === undefined ? undefined : git.blob(entry.sha);
}

export function commitsPage(view: View, repository: Repository, ref: string): Page {
  const git = view.forge.git(repository);
  const sha = git.resolve(ref === '' ? repository.defaultBranch : ref);
  if (sha === undefined) return messagePage(404, 'Not found', 'There is no such branch.');
  const rows = log(git, sha)
    .slice(0, COMMITS_SHOWN)
    .map((item) => commitRow(view, repository, item));
  return repositoryPage(repository, {
    title: 'Commits',
    tab: 'code',
    body: html`<h1>Commits</h1>
      <ul class="rows box">
        ${rows}
      </ul>`,
  });
}

export function commitRow(view: View, repository: Repository, sha: string): Piece {
  const commit = view.forge.git(repository).commit(sha);
  if (commit === undefined) return null;
  const author = accountOfSignature(view.forge, commit.author)?.login ?? commit.author.name;
  return html`<li>
    <a href="${repositoryPath(repository)}/commit/${sha}">${commit.message.split('\n')[0]}</a><br /><span class="muted"
      ><code>${sha.slice(0, 7)}</code> by ${author} on ${when(commit.committer.date)}</span
    >
  </li>`;
}

export async function commitPage(view: View, repository: Repository, name: string): Promise<Page> {
  const git = view.forge.git(repository);
  const sha = git.resolve(name);
  const commit = sha === undefined ? undefined : git.commit(sha);
  if (sha === undefined || commit === undefined) return messagePage(404, 'Not found', 'There is no such commit.');
  const files = await view.forge.diff(repository, diffBase(view.forge, repository, sha), sha);
  const body = html`<h1>${commit.message.split('\n')[0]}</h1>
    <ul class="rows box">
      ${commitRow(view, repository, sha)}
    </ul>
    <pre>${commit.message}</pre>
    ${renderDiff(files)}`;
  return repositoryPage(repository, { title: sha.slice(0, 7), tab: 'code', body });
}
