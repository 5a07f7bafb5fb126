import { changeNumbers } from '../../core/sessions/numbers.ts';
import type { Run } from '../services.ts';
import { sequenceView } from '../views.ts';

/** POST sessions/sequence/set */
export const setSequence: Run<'setSequence'> = async (services, request, actor) => {
  const { next_in, next_out, reason, ...target } = request;
  const change = { kind: 'set' as const, next_in, next_out };
  const { numbers, pending } = await changeNumbers(services, { actor, reason }, target, change);
  return { success: true, sequence: sequenceView(numbers), pending };
};
