import { explain } from '../../core/queries.ts';
import type { Run } from '../services.ts';
import { evaluationView, overrideView, userView } from '../views.ts';
import { tierOf } from './target.ts';

/** GET rules/evaluate */
export const evaluate: Run<'evaluate'> = async (services, { user_id }) => {
  const { user, evaluation, overrides } = await explain(services, user_id);
  return {
    success: true,
    user: userView(user, await tierOf(services, user)),
    evaluation: evaluationView(evaluation),
    overrides: overrides.map(overrideView),
  };
};
