import type { Route } from '../http/call.ts';
import { accountRoutes } from './accounts.ts';
import { appRoutes } from './app.ts';
import { checkRoutes } from './checks.ts';
import { commentRoutes } from './comments.ts';
import { commitRoutes } from './commits.ts';
import { contentRoutes } from './contents.ts';
import { deploymentRoutes } from './deployments.ts';
import { objectRoutes } from './git-objects.ts';
import { refRoutes } from './git-refs.ts';
import { issueLinkRoutes } from './issue-links.ts';
import { issueRoutes } from './issues.ts';
import { labelRoutes } from './labels.ts';
import { pullRoutes } from './pulls.ts';
import { reactionRoutes } from './reactions.ts';
import { repositoryRoutes } from './repositories.ts';
import { reviewRoutes } from './reviews.ts';
import { searchRoutes } from './search.ts';

/** Every route, the first that fits wins: fixed words stand before parameters that would swallow them. */
export const restRoutes: readonly Route[] = [
  ...accountRoutes,
  ...appRoutes,
  ...searchRoutes,
  ...checkRoutes,
  ...deploymentRoutes,
  ...commitRoutes,
  ...contentRoutes,
  ...refRoutes,
  ...objectRoutes,
  ...reactionRoutes,
  ...commentRoutes,
  ...issueLinkRoutes,
  ...labelRoutes,
  ...issueRoutes,
  ...reviewRoutes,
  ...pullRoutes,
  ...repositoryRoutes,
];
