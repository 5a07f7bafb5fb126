import { DEFAULT_LIMIT } from '../../contract/fields.ts';
import type { AuditQuery } from '../../core/ports.ts';
import type { Run } from '../services.ts';
import { recordView } from '../views.ts';

/** GET audit */
export const audit: Run<'audit'> = async (services, request) => {
  const { user_id, type, actor, from, to, limit = DEFAULT_LIMIT, cursor } = request;
  const asked = { list: 'audit', user_id, type, actor, from, to };
  const filter: AuditQuery = {
    ...(user_id === undefined ? {} : { user_id }),
    ...(type === undefined ? {} : { type }),
    ...(actor === undefined ? {} : { actor }),
    ...(from === undefined ? {} : { from: Date.parse(from) }),
    ...(to === undefined ? {} : { to: Date.parse(to) }),
  };
  const page = services.cursors.request(asked, limit, cursor);
  const found = await services.trail.query(filter, page, services.clock.now());
  return { success: true, records: found.items.map(recordView), ...services.cursors.next(asked, found) };
};
