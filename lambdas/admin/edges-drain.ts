import { drainEdge as drain } from '../../core/sessions/edges.ts';
import type { Run } from '../services.ts';
import { edgeView } from '../views.ts';

/** POST edges/drain */
export const drainEdge: Run<'drainEdge'> = async (services, { edge_id, reason }, actor) => ({
  success: true,
  edge: edgeView(await drain(services, { actor, reason }, edge_id)),
});
