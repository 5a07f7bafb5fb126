import { DEFAULT_LIMIT } from '../../contract/fields.ts';
import { pageOf } from '../../core/cursors.ts';
import { sessionNumbers } from '../../core/sessions/numbers.ts';
import type { Run } from '../services.ts';
import { sequenceView } from '../views.ts';

/** GET sessions/sequence */
export const sequence: Run<'sequence'> = async (services, { limit = DEFAULT_LIMIT, cursor, ...target }) => {
  const asked = { list: 'sessions/sequence', ...target };
  const request = services.cursors.request(asked, limit, cursor);
  const found = await sessionNumbers(services, target);
  const page = pageOf(found, ({ key }) => [key.begin_string, key.sender_sub_id, key.target_comp_id].join('#'), request);
  return { success: true, sequences: page.items.map(sequenceView), ...services.cursors.next(asked, page) };
};
