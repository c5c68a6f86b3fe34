import type { RoleAgent } from '../engine/role.ts';
import { DeveloperAgent } from './developer/agent.ts';
import { ProductOwnerAgent } from './product-owner/agent.ts';
import { QaAgent } from './qa/agent.ts';
import { ReviewerAgent } from './reviewer/agent.ts';

/** The roles that come with Banyan. A child puts its own in their place by role name. */
export const BUILT_IN_ROLES: readonly RoleAgent[] = [new ProductOwnerAgent(), new DeveloperAgent(), new QaAgent(), new ReviewerAgent()] as readonly RoleAgent[];
