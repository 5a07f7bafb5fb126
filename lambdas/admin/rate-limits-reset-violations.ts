import { resetViolations as reset } from '../../core/policy/assignment.ts';
import type { Run } from '../services.ts';
import { userView, violationsView } from '../views.ts';
import { tierOf } from './target.ts';

/** POST rate-limits/reset-violations */
export const resetViolations: Run<'resetViolations'> = async (services, request, actor) => {
  const { user_id, reason, if_version } = request;
  const user = await reset(services, { actor, reason, if_version }, user_id);
  const violations = await services.violations.read(user_id);
  return { success: true, user: userView(user, await tierOf(services, user)), violations: violationsView(violations) };
};
