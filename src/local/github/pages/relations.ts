import type { Issue, Repository } from '../core/model.ts';
import type { ForgeStore } from '../core/store.ts';

interface Found {
  repository: Repository;
  issue: Issue;
}

export function parentOf(store: ForgeStore, issue: Issue): Found | undefined {
  return issue.parentId === null ? undefined : store.issueById(issue.parentId);
}

export function subIssuesOf(store: ForgeStore, issue: Issue): Found[] {
  return issue.subIssueIds.flatMap((id) => store.issueById(id) ?? []);
}
