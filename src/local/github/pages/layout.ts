import type { Forge } from '../core/forge.ts';
import type { Account, Issue, Repository } from '../core/model.ts';
import { labelsOf } from '../render/issues.ts';
import type { Html, Piece } from './html.ts';
import { html } from './html.ts';

/** Who looks, and where. */
export interface View {
  forge: Forge;
  viewer: Account | null;
  url: URL;
}

export interface Page {
  status: number;
  title: string;
  body: Html;
}

export type Tab = 'code' | 'issues' | 'pulls';

export function renderDocument(view: View, page: Page): string {
  const people = view.forge.store.root.accounts.filter((account) => account.type === 'User');
  const here = view.url.pathname + view.url.search;
  const signIn = html`<form method="post" action="/_session">
    <input type="hidden" name="back" value="${here}" />
    <label class="muted" for="user" style="margin:0">${view.viewer === null ? 'Sign in as' : 'Signed in as'}</label>
    <select id="user" name="user">
      ${view.viewer === null ? html`<option value="">nobody</option>` : null}${people.map((person) => html`<option ${person === view.viewer ? html`selected` : null}>${person.login}</option>`)}
    </select>
    <button>Switch</button>
  </form>`;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${page.title}</title>
        <link rel="stylesheet" href="/_assets/style.css" />
      </head>
      <body>
        <a class="skip" href="#content">Skip to content</a>
        <header class="top">
          <a href="/"><strong>Local GitHub</strong></a
          >${signIn}
        </header>
        <main id="content">${page.body}</main>
      </body>
    </html>`.text;
}

export function repositoryPage(repository: Repository, { title, tab, body }: { title: string; tab: Tab; body: Piece }): Page {
  const path = repositoryPath(repository);
  const open = (pulls: boolean) => repository.issues.filter((issue) => issue.state === 'open' && (issue.pull !== null) === pulls).length;
  const tabs: [Tab, string, string][] = [
    ['code', path, 'Code'],
    ['issues', `${path}/issues`, `Issues (${open(false)})`],
    ['pulls', `${path}/pulls`, `Pull requests (${open(true)})`],
  ];
  return {
    status: 200,
    title: `${title} · ${repository.owner}/${repository.name}`,
    body: html`<p style="margin:0">
        <a href="/${repository.owner}">${repository.owner}</a> / <a href="${path}"><strong>${repository.name}</strong></a>
      </p>
      <nav class="tabs" aria-label="Repository">
        ${tabs.map(([name, href, text]) => html`<a href="${href}" ${name === tab ? html`aria-current="page"` : null}>${text}</a>`)}
      </nav>
      ${body}`,
  };
}

export function repositoryPath(repository: Repository): string {
  return `/${repository.owner}/${repository.name}`;
}

export function messagePage(status: number, title: string, text: string): Page {
  return {
    status,
    title,
    body: html`<h1>${title}</h1>
      <p class="error" role="alert">${text}</p>
      <p><a href="/">All repositories</a></p>`,
  };
}

export function renderLabels(repository: Repository, issue: Issue): Html {
  return html`${labelsOf(repository, issue).map((label) => html`<span class="label" style="--label:#${label.color}">${label.name}</span>`)}`;
}

export function stateBadge(issue: Issue): Html {
  if (issue.pull !== null && issue.pull.mergedAt !== null) return html`<span class="state merged">Merged</span>`;
  if (issue.state === 'closed') return html`<span class="state ${issue.stateReason === 'completed' ? 'completed' : 'closed'}">Closed</span>`;
  return issue.pull?.draft === true ? html`<span class="state draft">Draft</span>` : html`<span class="state">Open</span>`;
}

export function when(iso: string): Html {
  return html`<time datetime="${iso}">${iso.replace('T', ' ').replace(/(\.\d+)?Z$/, '')} UTC</time>`;
}

/** A form that posts a few hidden values with one button. */
export function actionForm(action: string, { fields = {}, button, go = false }: { fields?: Record<string, string>; button: string; go?: boolean }): Html {
  const hidden = Object.entries(fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`);
  return html`<form class="inline" method="post" action="${action}">${hidden}<button ${go ? html`class="go"` : null}>${button}</button></form>`;
}
