/** Tells edges of a change of policy that is to reach live sessions sooner than they look by themselves. */
import type { AdminPorts } from '../admin.ts';
import { MAX_COMMANDS } from '../credentials/change.ts';
import { addressed, servingEdges } from '../credentials/reach.ts';
import type { AddressedCommand } from '../ports.ts';
import type { EdgeRow } from '../sessions/model.ts';

export interface Telling {
  /** Of the change's own transaction. */
  readonly commands: readonly AddressedCommand[];
  /** To be sent right after it: those edges would see the new version by themselves, a moment later. */
  readonly rest: readonly AddressedCommand[];
  /** All that serve. */
  readonly edges: readonly EdgeRow[];
}

/** For every edge: the policy has this version. */
export async function telling(
  ports: Pick<AdminPorts, 'edges' | 'random'>,
  version: number,
  now: number,
): Promise<Telling> {
  const edges = await servingEdges(ports);
  const ids = edges.map(({ edge_id }) => edge_id);
  const all = addressed(ids, { type: 'policy_changed', version }, ports, now);
  return { commands: all.slice(0, MAX_COMMANDS), rest: all.slice(MAX_COMMANDS), edges };
}
