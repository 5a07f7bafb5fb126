import { changeNumbers } from '../../core/sessions/numbers.ts';
import type { Run } from '../services.ts';
import { sequenceView } from '../views.ts';

/** POST sessions/sequence/reset */
export const resetSequence: Run<'resetSequence'> = async (services, { reason, ...target }, actor) => {
  const { numbers, pending } = await changeNumbers(services, { actor, reason }, target, { kind: 'reset' });
  return { success: true, sequence: sequenceView(numbers), pending };
};
