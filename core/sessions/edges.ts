/** Edges as admins see them, and draining one. */
import type { AdminPorts, ChangeContext } from '../admin.ts';
import { addressed } from '../credentials/reach.ts';
import { FixgateError } from '../errors.ts';
import { changePolicy } from '../policy/change.ts';
import type { EdgeRow } from './model.ts';

/**
 * Drains the incarnation that now serves under this name: it refuses new logons, logs its clients out, gives everything
 * back, and its process ends (a supervisor then starts another). The audit record and the command are written in one
 * transaction. Repeating it is no error. Refuses with edge_not_found, edge_not_running.
 */
export async function drainEdge(ports: AdminPorts, context: ChangeContext, edge_id: string): Promise<EdgeRow> {
  const drained = await changePolicy(ports, { ...context, type: 'edge_drain' }, async (_policy, _version, now) => {
    const edge = await ports.edges.find(edge_id);
    if (edge === undefined) throw new FixgateError('edge_not_found', undefined, [{ edge_id }]);
    const { incarnation, state, figures } = edge;
    if (state === 'dead' || state === 'stopped')
      throw new FixgateError('edge_not_running', undefined, [{ edge_id, state }]);
    const body = { type: 'drain', incarnation, reason: context.reason ?? 'Drained by an administrator' } as const;
    return {
      edits: [],
      details: { edge_id, incarnation, sessions: figures.sessions },
      commands: addressed([edge_id], body, ports, now),
      result: edge,
    };
  });
  return drained as EdgeRow;
}
