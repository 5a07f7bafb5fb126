import { updateFacts } from '../../core/credentials/facts.ts';
import { failureText } from '../../core/eligibility/evaluate.ts';
import type { Run } from '../services.ts';
import { evaluationView, userView } from '../views.ts';
import { tierOf } from './target.ts';

/** POST users/update */
export const updateUser: Run<'updateUser'> = async (services, request, actor) => {
  const { user_id, reason, if_version, ...facts } = request;
  const context = { actor, reason, if_version };
  const { user, evaluation, suspended } = await updateFacts(services, context, user_id, facts, services.on_ineligible);
  return {
    success: true,
    user: userView(user, await tierOf(services, user)),
    evaluation: evaluationView(evaluation),
    suspended: [...suspended],
    ...(evaluation.eligible ? {} : { warning: `Not eligible: ${failureText(evaluation)}` }),
  };
};
