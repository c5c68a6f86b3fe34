/** The part of GitHub's GraphQL schema that is served here, in GitHub's own names. */
export const SDL = `
scalar DateTime
scalar URI
scalar GitObjectID
scalar Base64String

interface Node { id: ID! }
interface Actor { login: String! url: URI! avatarUrl(size: Int): URI! }

type User implements Node & Actor { id: ID! databaseId: Int login: String! name: String email: String! url: URI! avatarUrl(size: Int): URI! }
type Bot implements Node & Actor { id: ID! databaseId: Int login: String! url: URI! avatarUrl(size: Int): URI! }
type Organization implements Node & Actor { id: ID! databaseId: Int login: String! name: String url: URI! avatarUrl(size: Int): URI! }

type PageInfo { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }

interface GitObject { id: ID! oid: GitObjectID! abbreviatedOid: String! }
type Commit implements Node & GitObject {
  id: ID! oid: GitObjectID! abbreviatedOid: String! message: String! messageHeadline: String! messageBody: String! url: URI! committedDate: DateTime! authoredDate: DateTime!
  author: GitActor committer: GitActor tree: Tree! parents(first: Int, after: String): CommitConnection! history(first: Int, after: String): CommitConnection!
  signature: GitSignature
}
type GitSignature { isValid: Boolean! state: String! wasSignedByGitHub: Boolean! }
type GitActor { name: String email: String date: String user: User }
type CommitConnection { nodes: [Commit] totalCount: Int! pageInfo: PageInfo! }
type Tree implements Node & GitObject { id: ID! oid: GitObjectID! abbreviatedOid: String! entries: [TreeEntry!] }
type TreeEntry { name: String! path: String mode: Int! type: String! oid: GitObjectID! object: GitObject }
type Blob implements Node & GitObject { id: ID! oid: GitObjectID! abbreviatedOid: String! byteSize: Int! text: String isBinary: Boolean isTruncated: Boolean! }
type Tag implements Node & GitObject { id: ID! oid: GitObjectID! abbreviatedOid: String! name: String! message: String target: GitObject! }
type Ref implements Node { id: ID! name: String! prefix: String! target: GitObject repository: Repository! }
type RefConnection { nodes: [Ref] totalCount: Int! pageInfo: PageInfo! }

type Repository implements Node {
  id: ID! databaseId: Int name: String! nameWithOwner: String! description: String url: URI! isPrivate: Boolean! isEmpty: Boolean! owner: Actor!
  autoMergeAllowed: Boolean! mergeCommitAllowed: Boolean! squashMergeAllowed: Boolean! rebaseMergeAllowed: Boolean! deleteBranchOnMerge: Boolean!
  viewerPermission: String defaultBranchRef: Ref ref(qualifiedName: String!): Ref refs(refPrefix: String!, first: Int, after: String, query: String): RefConnection
  object(expression: String, oid: GitObjectID): GitObject
  issue(number: Int!): Issue pullRequest(number: Int!): PullRequest issueOrPullRequest(number: Int!): IssueOrPullRequest
  issues(first: Int, after: String, last: Int, states: [IssueState!], labels: [String!]): IssueConnection!
  pullRequests(first: Int, after: String, last: Int, states: [PullRequestState!], headRefName: String, baseRefName: String): PullRequestConnection!
  labels(first: Int, after: String, query: String): LabelConnection
}
union IssueOrPullRequest = Issue | PullRequest
enum IssueState { OPEN CLOSED }
enum IssueStateReason { REOPENED NOT_PLANNED COMPLETED DUPLICATE }
enum PullRequestState { OPEN CLOSED MERGED }
enum MergeableState { MERGEABLE CONFLICTING UNKNOWN }
enum PullRequestReviewState { PENDING COMMENTED APPROVED CHANGES_REQUESTED DISMISSED }
enum PullRequestReviewDecision { CHANGES_REQUESTED APPROVED REVIEW_REQUIRED }
enum PullRequestMergeMethod { MERGE SQUASH REBASE }
enum DiffSide { LEFT RIGHT }

type Label implements Node { id: ID! name: String! color: String! description: String isDefault: Boolean! }
type LabelConnection { nodes: [Label] totalCount: Int! pageInfo: PageInfo! }
type ActorConnection { nodes: [User] totalCount: Int! pageInfo: PageInfo! }
type Issue implements Node {
  id: ID! databaseId: Int number: Int! title: String! body: String! state: IssueState! stateReason: IssueStateReason url: URI! author: Actor createdAt: DateTime!
  updatedAt: DateTime! closedAt: DateTime closed: Boolean! locked: Boolean! repository: Repository! labels(first: Int, after: String): LabelConnection
  assignees(first: Int, after: String): ActorConnection! comments(first: Int, after: String, last: Int): IssueCommentConnection! parent: Issue
  subIssues(first: Int, after: String): IssueConnection!
}
type IssueConnection { nodes: [Issue] totalCount: Int! pageInfo: PageInfo! }
type IssueComment implements Node { id: ID! databaseId: Int body: String! author: Actor url: URI! createdAt: DateTime! updatedAt: DateTime! isMinimized: Boolean! }
type IssueCommentConnection { nodes: [IssueComment] totalCount: Int! pageInfo: PageInfo! }

type PullRequest implements Node {
  id: ID! databaseId: Int number: Int! title: String! body: String! state: PullRequestState! isDraft: Boolean! url: URI! author: Actor createdAt: DateTime! updatedAt: DateTime!
  closedAt: DateTime closed: Boolean! merged: Boolean! mergedAt: DateTime mergeCommit: Commit mergeable: MergeableState! mergeStateStatus: String! locked: Boolean!
  headRefName: String! headRefOid: GitObjectID! baseRefName: String! baseRefOid: GitObjectID! headRef: Ref baseRef: Ref repository: Repository!
  additions: Int! deletions: Int! changedFiles: Int! reviewDecision: PullRequestReviewDecision autoMergeRequest: AutoMergeRequest
  labels(first: Int, after: String): LabelConnection assignees(first: Int, after: String): ActorConnection!
  comments(first: Int, after: String, last: Int): IssueCommentConnection! commits(first: Int, after: String, last: Int): PullRequestCommitConnection!
  reviews(first: Int, after: String, last: Int): PullRequestReviewConnection
  reviewThreads(first: Int, after: String, last: Int): PullRequestReviewThreadConnection!
  closingIssuesReferences(first: Int, after: String): IssueConnection
}
type AutoMergeRequest { mergeMethod: PullRequestMergeMethod! enabledBy: Actor }
type PullRequestConnection { nodes: [PullRequest] totalCount: Int! pageInfo: PageInfo! }
type PullRequestCommit { id: ID! commit: Commit! }
type PullRequestCommitConnection { nodes: [PullRequestCommit] totalCount: Int! pageInfo: PageInfo! }
type PullRequestReview implements Node { id: ID! databaseId: Int body: String! state: PullRequestReviewState! author: Actor submittedAt: DateTime url: URI! commit: Commit comments(first: Int, after: String): PullRequestReviewCommentConnection! }
type PullRequestReviewConnection { nodes: [PullRequestReview] totalCount: Int! pageInfo: PageInfo! }
type PullRequestReviewComment implements Node { id: ID! databaseId: Int body: String! path: String! line: Int startLine: Int diffHunk: String! author: Actor url: URI! createdAt: DateTime! }
type PullRequestReviewCommentConnection { nodes: [PullRequestReviewComment] totalCount: Int! pageInfo: PageInfo! }
type PullRequestReviewThread implements Node { id: ID! isResolved: Boolean! isOutdated: Boolean! path: String! line: Int startLine: Int diffSide: DiffSide! resolvedBy: User comments(first: Int, after: String): PullRequestReviewCommentConnection! }
type PullRequestReviewThreadConnection { nodes: [PullRequestReviewThread] totalCount: Int! pageInfo: PageInfo! }

type RateLimit { limit: Int! cost: Int! remaining: Int! used: Int! resetAt: DateTime! nodeCount: Int! }
type Query {
  viewer: Actor! rateLimit: RateLimit node(id: ID!): Node nodes(ids: [ID!]!): [Node]! repository(owner: String!, name: String!, followRenames: Boolean): Repository
  user(login: String!): User organization(login: String!): Organization
}

input CommittableBranch { id: ID repositoryNameWithOwner: String branchName: String }
input CommitMessage { headline: String! body: String }
input FileAddition { path: String! contents: Base64String! }
input FileDeletion { path: String! }
input FileChanges { additions: [FileAddition!] deletions: [FileDeletion!] }
input CreateCommitOnBranchInput { clientMutationId: String branch: CommittableBranch! expectedHeadOid: GitObjectID! message: CommitMessage! fileChanges: FileChanges }
type CreateCommitOnBranchPayload { clientMutationId: String commit: Commit ref: Ref }
input MarkPullRequestReadyForReviewInput { clientMutationId: String pullRequestId: ID! }
type MarkPullRequestReadyForReviewPayload { clientMutationId: String pullRequest: PullRequest }
input ConvertPullRequestToDraftInput { clientMutationId: String pullRequestId: ID! }
type ConvertPullRequestToDraftPayload { clientMutationId: String pullRequest: PullRequest }
input ResolveReviewThreadInput { clientMutationId: String threadId: ID! }
type ResolveReviewThreadPayload { clientMutationId: String thread: PullRequestReviewThread }
input UnresolveReviewThreadInput { clientMutationId: String threadId: ID! }
type UnresolveReviewThreadPayload { clientMutationId: String thread: PullRequestReviewThread }
input EnablePullRequestAutoMergeInput { clientMutationId: String pullRequestId: ID! mergeMethod: PullRequestMergeMethod commitHeadline: String commitBody: String expectedHeadOid: GitObjectID }
type EnablePullRequestAutoMergePayload { clientMutationId: String actor: Actor pullRequest: PullRequest }
input DisablePullRequestAutoMergeInput { clientMutationId: String pullRequestId: ID! }
type DisablePullRequestAutoMergePayload { clientMutationId: String actor: Actor pullRequest: PullRequest }
type Mutation {
  createCommitOnBranch(input: CreateCommitOnBranchInput!): CreateCommitOnBranchPayload
  markPullRequestReadyForReview(input: MarkPullRequestReadyForReviewInput!): MarkPullRequestReadyForReviewPayload
  convertPullRequestToDraft(input: ConvertPullRequestToDraftInput!): ConvertPullRequestToDraftPayload
  resolveReviewThread(input: ResolveReviewThreadInput!): ResolveReviewThreadPayload
  unresolveReviewThread(input: UnresolveReviewThreadInput!): UnresolveReviewThreadPayload
  enablePullRequestAutoMerge(input: EnablePullRequestAutoMergeInput!): EnablePullRequestAutoMergePayload
  disablePullRequestAutoMerge(input: DisablePullRequestAutoMergeInput!): DisablePullRequestAutoMergePayload
}
`;
