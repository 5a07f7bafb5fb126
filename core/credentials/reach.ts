/** Commands that tell a change to the edges with sessions of a user. */
import type { AdminPorts } from '../admin.ts';
import { ulid } from '../ids.ts';
import type { UserLimits } from '../limits/model.ts';
import type { AddressedCommand } from '../ports.ts';
import {
  type EdgeCommand,
  type EdgeRow,
  type EndCause,
  type FixSessionKey,
  isServing,
  type LiveSession,
} from '../sessions/model.ts';

/** What edges are to be told. */
export type Reach =
  | {
      readonly kind: 'end_user';
      /** Sessions of an epoch below it end: those that were there when the change was made. */
      readonly below_epoch: number;
      readonly cause: EndCause;
      readonly reason: string;
      /** Only sessions of these credentials; undefined: of all. */
      readonly sender_comp_ids?: readonly string[];
      /** The venue cancels what the user has resting: every edge is told. */
      readonly cancel_orders?: boolean | undefined;
    }
  | {
      readonly kind: 'end_session';
      readonly session: LiveSession;
      readonly cause: EndCause;
      readonly reason: string;
      /** The same of what was placed through the session's FIX session. */
      readonly cancel_orders?: boolean | undefined;
    }
  | { readonly kind: 'limits'; readonly limits: UserLimits; readonly tier: string }
  | { readonly kind: 'violations' }
  | {
      readonly kind: 'numbers';
      readonly edge_id: string;
      readonly key: FixSessionKey;
      readonly next_in?: number;
      readonly next_out?: number;
      readonly reset: boolean;
      readonly beyond?: number;
    };

type CommandBody = EdgeCommand extends infer C ? (C extends EdgeCommand ? Omit<C, 'id' | 'at'> : never) : never;

/** Edges whose incarnation serves. */
export async function servingEdges(ports: Pick<AdminPorts, 'edges'>): Promise<readonly EdgeRow[]> {
  return (await ports.edges.list()).filter(isServing);
}

/** The same command for each of these edges, each under an id of its own. */
export function addressed(
  edges: Iterable<string>,
  body: CommandBody,
  ports: Pick<AdminPorts, 'random'>,
  now: number,
): readonly AddressedCommand[] {
  return [...new Set(edges)].map((edge_id) => ({
    edge_id,
    command: { ...body, id: ulid(now, ports.random), at: now } as EdgeCommand,
  }));
}

/** Commands for every edge that the change concerns, by the sessions that there are now. */
export async function commandsFor(
  ports: Pick<AdminPorts, 'slots' | 'edges' | 'random'>,
  reach: Reach,
  userId: string,
  now: number,
): Promise<readonly AddressedCommand[]> {
  const sessions = isAboutAll(reach) ? await ports.slots.ofUser(userId) : [];
  const everywhere = cancelsOrders(reach) ? await servingEdges(ports) : [];
  const edges = [...edgesOf(reach, sessions), ...everywhere.map(({ edge_id }) => edge_id)];
  return bodies(reach, userId).flatMap((body) => addressed(edges, body, ports, now));
}

/** Orders outlive their sessions, and edges: of those that share a venue, whichever reaches it has them cancelled. */
export const cancelsOrders = (reach: Reach): boolean =>
  (reach.kind === 'end_user' || reach.kind === 'end_session') && reach.cancel_orders === true;

function edgesOf(reach: Reach, sessions: readonly LiveSession[]): readonly string[] {
  if (reach.kind === 'numbers') return [reach.edge_id];
  if (reach.kind === 'end_session') return [reach.session.edge_id];
  return sessions.filter((session) => concerns(reach, session)).map((session) => session.edge_id);
}

/** Whether it is about the sessions that a user has, wherever they are. */
export const isAboutAll = (reach: Reach): boolean => reach.kind !== 'end_session' && reach.kind !== 'numbers';

/** Sends commands that the change's transaction did not have: a session may have moved to another edge since the slots were read. */
export async function tellMissed(
  ports: Pick<AdminPorts, 'slots' | 'edges' | 'random'>,
  reach: Reach,
  userId: string,
  told: readonly AddressedCommand[],
  now: number,
): Promise<void> {
  if (!isAboutAll(reach) && !cancelsOrders(reach)) return;
  const edges = new Set(told.map((one) => one.edge_id));
  const commands = (await commandsFor(ports, reach, userId, now)).filter(({ edge_id }) => !edges.has(edge_id));
  if (commands.length > 0) await ports.edges.send(commands);
}

function concerns(reach: Reach, session: LiveSession): boolean {
  if (reach.kind !== 'end_user') return true;
  if (session.epoch >= reach.below_epoch) return false;
  return reach.sender_comp_ids === undefined || reach.sender_comp_ids.includes(session.key.sender_comp_id);
}

function bodies(reach: Reach, user_id: string): readonly CommandBody[] {
  switch (reach.kind) {
    case 'end_user': {
      const { below_epoch, cause, reason } = reach;
      const cancel = reach.cancel_orders ? { cancel_orders: true as const } : {};
      const all = { type: 'end_user' as const, user_id, below_epoch, cause, reason, ...cancel };
      return reach.sender_comp_ids === undefined
        ? [all]
        : reach.sender_comp_ids.map((sender_comp_id) => ({ ...all, sender_comp_id }));
    }
    case 'end_session': {
      const { session, cause, reason } = reach;
      const cancel = reach.cancel_orders ? { cancel_orders: session.key } : {};
      return [{ type: 'end_session', session_id: session.session_id, cause, reason, ...cancel }];
    }
    case 'limits':
      return [{ type: 'limits_changed', user_id, limits: reach.limits, tier: reach.tier }];
    case 'numbers': {
      const { kind: _kind, edge_id: _edge, ...body } = reach;
      return [{ type: 'set_numbers', ...body }];
    }
    case 'violations':
      return [{ type: 'violations_reset', user_id }];
  }
}
