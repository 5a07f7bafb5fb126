import { DEFAULT_LIMIT } from '../../contract/fields.ts';
import { pageOf } from '../../core/cursors.ts';
import type { Run } from '../services.ts';
import { edgeView } from '../views.ts';

/** GET edges */
export const edges: Run<'edges'> = async (services, { limit = DEFAULT_LIMIT, cursor }) => {
  const asked = { list: 'edges' };
  const request = services.cursors.request(asked, limit, cursor);
  const page = pageOf(await services.edges.list(), (one) => one.edge_id, request);
  return { success: true, edges: page.items.map(edgeView), ...services.cursors.next(asked, page) };
};
