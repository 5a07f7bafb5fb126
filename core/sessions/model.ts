/** Live sessions, the edges that hold them, and the commands that reach edges. */

import type { ClockReading } from './clock-watch.ts';

/** A FIX session: BeginString + SenderCompID + SenderSubID + TargetCompID, as the client sends them (8, 49, 50, 56). */
export interface FixSessionKey {
  readonly begin_string: string;
  readonly sender_comp_id: string;
  /** Empty when absent. */
  readonly sender_sub_id: string;
  readonly target_comp_id: string;
}

export interface LiveSession {
  /** `<edge>.<incarnation>.<n>`: names its edge, so a kill needs no index. */
  readonly session_id: string;
  readonly user_id: string;
  readonly key: FixSessionKey;
  readonly edge_id: string;
  readonly incarnation: number;
  readonly address: string;
  readonly started_at: number;
  /** The user's epoch when the slot was taken; a kill by user ends sessions of a lower epoch. */
  readonly epoch: number;
  readonly slot: number;
}

/** Which edge may act for a FIX session (send in its name, submit its orders), and where its numbers and messages are kept. */
export interface Holding {
  /** Rises whenever another edge, or a new incarnation of the same edge, takes the session. Venues ignore lower epochs. */
  readonly epoch: number;
  /** The edge whose journal has the session's numbers and messages. */
  readonly home: string;
  /** The edge that acted for the session before. Equal to `home` once this edge has settled that its journal has everything. */
  readonly from: string;
  /** Numbers that `home` has reserved, if its journal is not in the store. Undefined: it is, or an older release wrote the row. */
  readonly reserved?: Reserved | undefined;
}

/**
 * Outbound numbers that the home of a FIX session may use without asking the store. An edge that takes the session over and
 * cannot read the home's journal begins above them (docs/adr/0047-numbers-reserved-in-the-store.md).
 */
export interface Reserved {
  /** The generation when these were reserved. The store may not know of later generations while they stay below {@link out}. */
  readonly generation: number;
  /** NextNumIn when these were reserved. */
  readonly next_in: number;
  /** The first number above the reserved ones: the home has not used it and will not. */
  readonly out: number;
  /** When that generation began, epoch ms. Undefined: an older release reserved the numbers. */
  readonly began?: number | undefined;
  /** Id of the live session for which they were reserved last. */
  readonly by: string;
}

/** Numbers that an edge asks to reserve while it takes a session. Granted only if no other edge has acted for the session since. */
export interface Reserving extends Omit<Reserved, 'by'> {
  /** The edge's journal has the session, or the session is known to be new. Then an earlier reservation is replaced. */
  readonly known: boolean;
}

/** A change of the reserved numbers of a FIX session that this edge still holds. */
export type Reservation = {
  readonly session: Omit<LiveSession, 'slot'>;
  readonly epoch: number;
  readonly reserved: Reserved;
} & (
  | { readonly kind: 'extend' }
  /** The session is over and its numbers stand here. Without effect if they have been reserved anew since. */
  | { readonly kind: 'give_back' }
);

/** What an edge is; `incarnation` rises with each boot of the same edge id. */
export interface EdgeIdentity {
  readonly edge_id: string;
  readonly incarnation: number;
}

export type EdgeState = 'alive' | 'draining' | 'stopped' | 'dead';

export interface EdgeFigures {
  readonly sessions: number;
  readonly sessions_by_tier: Readonly<Record<string, number>>;
  readonly sessions_peak: number;
  readonly logons_accepted: number;
  /** By reason. */
  readonly logons_refused: Readonly<Record<string, number>>;
  readonly messages: number;
  readonly orders: number;
  readonly violations: number;
  /** Absent where the edge does not report them. */
  readonly vitals?: EdgeVitals;
}

/** An incarnation that has been registered. */
export interface Claimed {
  readonly identity: EdgeIdentity;
  /** Monotonic ms, read before the store was asked: the lease counts from here. */
  readonly since: number;
}

/** Condition of an edge's process and machine. */
export interface EdgeVitals {
  /** Share of time that its event loop is at work, 0 to 1. */
  readonly load: number;
  /** Undefined: not known. */
  readonly clock?: ClockReading | undefined;
}

/** Figures of an edge that has just started, and the defaults for what rows of an older release lack. */
export const NO_FIGURES: EdgeFigures = {
  sessions: 0,
  sessions_by_tier: {},
  sessions_peak: 0,
  logons_accepted: 0,
  logons_refused: {},
  messages: 0,
  orders: 0,
  violations: 0,
};

export interface EdgeRow extends EdgeIdentity {
  readonly state: EdgeState;
  /** Rises with each heartbeat. Other edges measure, on their own monotonic clocks, for how long it does not. */
  readonly heartbeat: number;
  readonly version: string;
  readonly started_at: number;
  /** Wall clock of the edge; for people only, never compared with another clock. */
  readonly seen_at: number;
  readonly figures: EdgeFigures;
  /** Which questions this edge understands: {@link QUESTIONS} of its release. */
  readonly questions: number;
}

/** Whether this incarnation is in service: it has not stopped, and no other edge has declared it dead. */
export const isServing = ({ state }: Pick<EdgeRow, 'state'>): boolean => state === 'alive' || state === 'draining';

/** Version of the questions between edges. 1 (also where an older row says nothing): one session each. 2: `yield_many` as well. */
export const QUESTIONS = 2;

/** Sequence numbers of a FIX session, as last reported by the edge that had it. For people; nothing decides by them. */
export interface SessionNumbers {
  readonly key: FixSessionKey;
  readonly edge_id: string;
  /** Next MsgSeqNum expected from the client, and next to be sent to it. */
  readonly next_in: number;
  readonly next_out: number;
  /** Epoch ms. */
  readonly at: number;
}

/** An announcement by an admin to clients. */
export interface Notice {
  /** ULID; NewsID (1472) where the version has it. */
  readonly notice_id: string;
  readonly headline: string;
  /** Printable ASCII, at least one. */
  readonly lines: readonly string[];
  readonly urgency: 'normal' | 'flash' | 'background';
  /** Epoch ms. */
  readonly at: number;
}

/** Whose live sessions get an announcement. */
export type NoticeTarget =
  | { readonly all: true }
  | { readonly user_id: string }
  | { readonly sender_comp_id: string }
  | { readonly tier: string };

/** How many of an edge's live sessions an announcement reached. */
export interface NoticeReceipt {
  readonly notice_id: string;
  readonly edge_id: string;
  readonly told: number;
  /** Sessions whose profile does not ask for announcements, and any that were just ending. */
  readonly not_told: number;
}

/** What one edge asks of another about a FIX session, as a command. The answer is stored under the command's id. */
export type Question =
  /** Is the client of this session there? */
  | { readonly type: 'probe'; readonly session_id: string }
  | ({ readonly type: 'yield' } & Yielding)
  /** The same for several sessions, at most YIELDED_TOGETHER (bounds.ts). Each of them is handed over or not by itself. */
  | { readonly type: 'yield_many'; readonly sessions: readonly Yielding[] };

/** Another edge has taken the session under this epoch. The edge that is asked ends it and hands over its state. */
export interface Yielding {
  readonly key: FixSessionKey;
  readonly epoch: number;
  /** The last of the session's messages that the venue has. Absent: messages that the venue lacks are not to be submitted again. */
  readonly after?: MessageName;
}

export type Asked = Extract<EdgeCommand, Question>;

/** Identifies a message of a client, also across resets of its numbers. */
export interface MessageName {
  readonly generation: number;
  readonly msg_seq_num: number;
}

/** The answer to a question. A later one replaces an earlier one. */
export type Answer =
  /** The edge has read the question: keep waiting. */
  | { readonly said: 'acknowledged' }
  /** To a probe. */
  | { readonly said: 'there' | 'gone' }
  /**
   * To a yield. `yielded`: the session's state is in the store under the question's id. `nothing`: the edge has none of it.
   * To a yield of several: all of them are there together, also those of which the edge has nothing. A session that is
   * missing may be asked for again.
   */
  | { readonly said: 'yielded' | 'nothing' }
  /** It could not be done now. Ask again. */
  | { readonly said: 'failed' };

export type NumbersCommand = Extract<EdgeCommand, { type: 'set_numbers' }>;

/**
 * Commands that this release knows. A type never changes its meaning: a new meaning gets a new name. An edge of an older
 * release leaves commands that it does not know for the newer process that replaces it.
 */
const COMMAND_TYPES: Readonly<Record<EdgeCommand['type'], true>> = {
  end_user: true,
  end_session: true,
  policy_changed: true,
  drain: true,
  limits_changed: true,
  violations_reset: true,
  announce: true,
  probe: true,
  yield: true,
  yield_many: true,
  set_numbers: true,
};

export const isKnownCommand = ({ type }: { readonly type: string }): boolean => Object.hasOwn(COMMAND_TYPES, type);

/** What an admin's change asks of an edge. `id` is a ULID; an edge applies its commands in the order of ids, each once. */
export type EdgeCommand = { readonly id: string; readonly at: number } & (
  | {
      readonly type: 'end_user';
      readonly user_id: string;
      readonly below_epoch: number;
      readonly cause: EndCause;
      readonly reason: string;
      readonly sender_comp_id?: string;
      /** The venue also cancels the user's resting orders. Such a command goes to every edge. */
      readonly cancel_orders?: true;
    }
  | {
      readonly type: 'end_session';
      readonly session_id: string;
      readonly cause: EndCause;
      readonly reason: string;
      /** The venue also cancels the resting orders of this FIX session. */
      readonly cancel_orders?: FixSessionKey;
    }
  /** A tier or everybody was locked or unlocked, or a tier changed: read the policy now. */
  | { readonly type: 'policy_changed'; readonly version: number }
  /** This incarnation is to refuse new logons, log its clients out, give everything back and end. */
  | { readonly type: 'drain'; readonly incarnation: number; readonly reason: string }
  | {
      readonly type: 'limits_changed';
      readonly user_id: string;
      readonly limits: import('../limits/model.ts').UserLimits;
      readonly tier: string;
    }
  | { readonly type: 'violations_reset'; readonly user_id: string }
  | { readonly type: 'announce'; readonly notice: Notice; readonly to: NoticeTarget }
  | Question
  | {
      readonly type: 'set_numbers';
      readonly key: FixSessionKey;
      /** Absent: unchanged. */
      readonly next_in?: number;
      readonly next_out?: number;
      /** Both numbers begin at 1, and messages sent so far are forgotten. */
      readonly reset: boolean;
      /**
       * The journal, or the numbers reported of it, are older than the session (a restore). The session goes on at the higher
       * of the two, with outbound numbers raised by this much.
       */
      readonly beyond?: number;
    }
);

/** Why a session ended; recorded with session_ended. */
export type EndCause =
  | 'logout'
  | 'disconnect'
  | 'killed'
  | 'locked'
  | 'suspended'
  | 'revoked'
  | 'expired'
  | 'not_eligible'
  | 'superseded'
  | 'timeout'
  | 'protocol'
  | 'slow_reader'
  | 'rate_limit'
  | 'session_limit'
  | 'no_numbers'
  | 'drain'
  | 'fenced';
