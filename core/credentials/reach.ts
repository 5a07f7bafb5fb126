/** Commands that carry a change to the edges which hold sessions of a user. */
import type { AdminPorts } from '../admin.ts';
import { ulid } from '../ids.ts';
import type { UserLimits } from '../limits/model.ts';
import type { EdgeCommand, EndCause, FixSessionKey, LiveSession } from '../sessions/model.ts';

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
    }
  | { readonly kind: 'end_session'; readonly session: LiveSession; readonly cause: EndCause; readonly reason: string }
  | { readonly kind: 'limits'; readonly limits: UserLimits; readonly tier: string }
  | { readonly kind: 'violations' }
  | {
      readonly kind: 'numbers';
      readonly edge_id: string;
      readonly key: FixSessionKey;
      readonly next_in?: number;
      readonly next_out?: number;
      readonly reset: boolean;
    };

export interface Addressed {
  readonly edge_id: string;
  readonly command: EdgeCommand;
}

type Body = EdgeCommand extends infer C ? (C extends EdgeCommand ? Omit<C, 'id' | 'at'> : never) : never;

/** Commands for every edge that holds a session which the change concerns. */
export function commandsFor(
  reach: Reach,
  userId: string,
  sessions: readonly LiveSession[],
  ports: Pick<AdminPorts, 'random'>,
  now: number,
): readonly Addressed[] {
  return [...new Set(edgesOf(reach, sessions))].flatMap((edge_id) =>
    bodies(reach, userId).map((body) => ({
      edge_id,
      command: { ...body, id: ulid(now, ports.random), at: now } as EdgeCommand,
    })),
  );
}

function edgesOf(reach: Reach, sessions: readonly LiveSession[]): readonly string[] {
  if (reach.kind === 'numbers') return [reach.edge_id];
  if (reach.kind === 'end_session') return [reach.session.edge_id];
  return sessions.filter((session) => concerns(reach, session)).map((session) => session.edge_id);
}

/** Whether it is about the sessions that a user has, wherever they are. */
export const isAboutAll = (reach: Reach): boolean => reach.kind !== 'end_session' && reach.kind !== 'numbers';

/** Sends what the change's own transaction did not: a session may have moved to another edge since the slots were read. */
export async function tellMissed(
  ports: Pick<AdminPorts, 'slots' | 'edges' | 'random'>,
  reach: Reach,
  userId: string,
  told: readonly Addressed[],
  now: number,
): Promise<void> {
  if (!isAboutAll(reach)) return;
  const edges = new Set(told.map((one) => one.edge_id));
  const missed = (await ports.slots.ofUser(userId)).filter((session) => !edges.has(session.edge_id));
  const commands = commandsFor(reach, userId, missed, ports, now);
  if (commands.length > 0) await ports.edges.send(commands);
}

function concerns(reach: Reach, session: LiveSession): boolean {
  if (reach.kind !== 'end_user') return true;
  if (session.epoch >= reach.below_epoch) return false;
  return reach.sender_comp_ids === undefined || reach.sender_comp_ids.includes(session.key.sender_comp_id);
}

function bodies(reach: Reach, user_id: string): readonly Body[] {
  switch (reach.kind) {
    case 'end_user': {
      const { below_epoch, cause, reason } = reach;
      const all = { type: 'end_user' as const, user_id, below_epoch, cause, reason };
      return reach.sender_comp_ids === undefined
        ? [all]
        : reach.sender_comp_ids.map((sender_comp_id) => ({ ...all, sender_comp_id }));
    }
    case 'end_session':
      return [{ type: 'end_session', session_id: reach.session.session_id, cause: reach.cause, reason: reach.reason }];
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
