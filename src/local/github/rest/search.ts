import { actorRole } from '../core/access.ts';
import { Fault } from '../core/fault.ts';
import type { Issue, Repository } from '../core/model.ts';
import type { Call, Reply, Route } from '../http/call.ts';
import { countedReply } from '../http/call.ts';
import { objectOf } from '../http/input.ts';
import { labelsOf, renderIssue } from '../render/issues.ts';
import { renderRepository } from '../render/repositories.ts';

export const searchRoutes: Route[] = [
  { method: 'GET', path: '/search/issues', handle: searchIssues },
  { method: 'GET', path: '/search/repositories', handle: searchRepositories },
];

interface Query {
  words: string[];
  qualifiers: [string, string][];
}

function readQuery(call: Call): Query {
  const text = call.query.get('q');
  if (text === null || text.trim() === '') throw new Fault(422, 'Validation Failed', [{ resource: 'Search', field: 'q', code: 'missing' }]);
  const query: Query = { words: [], qualifiers: [] };
  for (const part of text.match(/[-\w]+:"[^"]*"|"[^"]*"|\S+/g) ?? []) {
    const qualifier = /^(-?\w+):"?([^"]*)"?$/.exec(part);
    if (qualifier === null) query.words.push(part.replaceAll('"', '').toLowerCase());
    else query.qualifiers.push([qualifier[1] ?? '', (qualifier[2] ?? '').toLowerCase()]);
  }
  return query;
}

interface Found {
  repository: Repository;
  issue: Issue;
}

function fitsQualifier({ repository, issue }: Found, name: string, value: string): boolean {
  const labels = labelsOf(repository, issue).map((label) => label.name.toLowerCase());
  const tests: Record<string, () => boolean> = {
    repo: () => `${repository.owner}/${repository.name}`.toLowerCase() === value,
    org: () => repository.owner.toLowerCase() === value,
    user: () => repository.owner.toLowerCase() === value,
    state: () => issue.state === value,
    label: () => labels.includes(value),
    author: () => issue.author.toLowerCase() === value.replace(/^app\//, ''),
    assignee: () => issue.assignees.some((login) => login.toLowerCase() === value),
    head: () => issue.pull?.headRef.toLowerCase() === value,
    base: () => issue.pull?.baseRef.toLowerCase() === value,
    type: () => (value === 'pr') === (issue.pull !== null),
    is: () => fitsIs(issue, value),
  };
  return tests[name]?.() ?? true;
}

function fitsIs(issue: Issue, value: string): boolean {
  if (value === 'pr' || value === 'pull-request') return issue.pull !== null;
  if (value === 'issue') return issue.pull === null;
  if (value === 'merged') return issue.pull?.mergedAt != null;
  if (value === 'draft') return issue.pull?.draft === true;
  return issue.state === value;
}

function searchIssues(call: Call): Reply {
  const { words, qualifiers } = readQuery(call);
  const visible = call.forge.store.repositories.filter((repository) => actorRole(call.forge.store, repository, call.actor) !== null);
  const all: Found[] = visible.flatMap((repository) => repository.issues.map((issue) => ({ repository, issue })));
  const shown = all.filter((found) => {
    const text = `${found.issue.title}\n${found.issue.body ?? ''}`.toLowerCase();
    return (
      words.every((word) => text.includes(word)) &&
      qualifiers.every(([name, value]) => {
        return name.startsWith('-') ? !fitsQualifier(found, name.slice(1), value) : fitsQualifier(found, name, value);
      })
    );
  });
  const reply = countedReply(call, shown.reverse(), {
    key: 'items',
    render: ({ repository, issue }) => ({ ...renderIssue(call.forge, repository, issue), score: 1 }),
  });
  return { ...reply, json: { ...objectOf(reply.json), incomplete_results: false, search_type: 'lexical' } };
}

function searchRepositories(call: Call): Reply {
  const { words } = readQuery(call);
  const shown = call.forge.store.repositories.filter((repository) => {
    const text = `${repository.owner}/${repository.name} ${repository.description ?? ''}`.toLowerCase();
    return actorRole(call.forge.store, repository, call.actor) !== null && words.every((word) => text.includes(word));
  });
  const reply = countedReply(call, shown, { key: 'items', render: (repository) => ({ ...renderRepository(call.forge, repository), score: 1 }) });
  return { ...reply, json: { ...objectOf(reply.json), incomplete_results: false } };
}
