import { plainCommand, type Invocation, type IsolationPlan } from './plan.ts';

/** No wall at all but a clean environment; only where the owner asked for it by name. */
export function unsafeInvocation(plan: IsolationPlan): Invocation {
  const [file = 'env', ...args] = plainCommand(plan, plan.folders.work);
  return { file, args };
}
