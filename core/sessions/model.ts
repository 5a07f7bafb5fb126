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

/** Who may speak for a FIX session, and where its numbers and messages are. */
export interface Holding {
  /** Rises whenever another edge, or another incarnation of one, takes the session: venues take nothing of a lower one. */
  readonly epoch: number;
  /** The edge whose journal has them. */
  readonly home: string;
  /** The edge that spoke for the session before this one; itself, once it is settled that it has everything. */
  readonly from: string;
  /** Numbers of the home's, where its journal is not in the store; undefined: it is, or the row is of a release before. */
  readonly reserved?: Reserved | undefined;
}

/**
 * Outbound numbers that the home of a FIX session may use without asking: whoever cannot read its journal begins above them
 * (docs/adr/0047-numbers-reserved-in-the-store.md).
 */
export interface Reserved {
  /** As of then; later ones, while they stay below {@link out}, may not be told yet. */
  readonly generation: number;
  /** NextNumIn, as of then. */
  readonly next_in: number;
  /** The first number that has not been used, and will not be. */
  readonly out: number;
  /** When that generation began, epoch ms; undefined: a release before has reserved them. */
  readonly began?: number | undefined;
  /** Session id of whoever had them reserved last. */
  readonly by: string;
}

/** What an edge has reserved as it takes a session, if nobody else has spoken for that meanwhile. */
export interface Reserving extends Omit<Reserved, 'by'> {
  /** Its journal has the session, or it is sure that there is nothing of it: what is reserved by now says nothing more. */
  readonly known: boolean;
}

/** A change of what is reserved, while the FIX session is still this edge's. */
export type Reservation = {
  readonly session: Omit<LiveSession, 'slot'>;
  readonly epoch: number;
  readonly reserved: Reserved;
} & (
  | { readonly kind: 'extend' }
  /** Its numbers stand at these; nothing if somebody has reserved anew since. */
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
  /** As far as the edge's process tells them. */
  readonly vitals?: EdgeVitals;
}

/** An incarnation that has begun. */
export interface Claimed {
  readonly identity: EdgeIdentity;
  /** Monotonic ms from before it was asked for: its lease is counted from there. */
  readonly since: number;
}

/** How an edge's process and its machine are. */
export interface EdgeVitals {
  /** Share of time that its event loop is at work, 0 to 1. */
  readonly load: number;
  /** Undefined: not known. */
  readonly clock?: ClockReading | undefined;
}

/** The figures of an edge that has just begun; what rows of an earlier release do not say is read as here. */
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
  /** Rises with each heartbeat; watchers time its standing still on their own monotonic clock. */
  readonly heartbeat: number;
  readonly version: string;
  readonly started_at: number;
  /** Wall clock of the edge; for people only, never compared with another clock. */
  readonly seen_at: number;
  readonly figures: EdgeFigures;
  /** Which questions it can be asked: {@link QUESTIONS} of its release. */
  readonly questions: number;
}

/** Its incarnation counts: it has not ended, and nobody has declared it dead. */
export const isServing = ({ state }: Pick<EdgeRow, 'state'>): boolean => state === 'alive' || state === 'draining';

/** 1, as rows of a release before that do not say: about one session at a time. 2: `yield_many`, too. */
export const QUESTIONS = 2;

/** Where the numbers of a FIX session stand, as the edge told it that had the session last. */
export interface SessionNumbers {
  readonly key: FixSessionKey;
  readonly edge_id: string;
  /** Next MsgSeqNum expected of the client, and next to be sent. */
  readonly next_in: number;
  readonly next_out: number;
  /** Epoch ms. */
  readonly at: number;
}

/** What an admin has to say to clients. */
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

/** Whose live sessions are told. */
export type NoticeTarget =
  | { readonly all: true }
  | { readonly user_id: string }
  | { readonly sender_comp_id: string }
  | { readonly tier: string };

/** How many live sessions of an edge a notice was for. */
export interface NoticeReceipt {
  readonly notice_id: string;
  readonly edge_id: string;
  readonly told: number;
  /** Those whose profile does not want it, and the odd one that was just ending. */
  readonly not_told: number;
}

/** What one edge asks of another about a FIX session. The command's id names the question, and so the answer. */
export type Question =
  /** Is the client of this session there? */
  | { readonly type: 'probe'; readonly session_id: string }
  | ({ readonly type: 'yield' } & Yielding)
  /** The same of several, at most YIELDED_TOGETHER (bounds.ts), that may be given away or not each. */
  | { readonly type: 'yield_many'; readonly sessions: readonly Yielding[] };

/** The session has been taken, under this epoch: it ends here, and what is kept of it is handed over. */
export interface Yielding {
  readonly key: FixSessionKey;
  readonly epoch: number;
  /** The last message that the venue has had of the session; absent: it is not to be given again what it has not. */
  readonly after?: MessageName;
}

export type Asked = Extract<EdgeCommand, Question>;

/** Names a message of a client for good. */
export interface MessageName {
  readonly generation: number;
  readonly msg_seq_num: number;
}

/** What has become of a question; a later answer takes the place of the one before. */
export type Answer =
  /** Heard: whoever asks waits on. */
  | { readonly said: 'acknowledged' }
  /** Of a probe. */
  | { readonly said: 'there' | 'gone' }
  /**
   * Of a yield: what was kept lies in the store under the question's id, or nothing was. Of several it lies there together, with
   * those of which nothing was; who is missing may be asked for again.
   */
  | { readonly said: 'yielded' | 'nothing' }
  /** It could not be done now: it may be asked again. */
  | { readonly said: 'failed' };

export type NumbersCommand = Extract<EdgeCommand, { type: 'set_numbers' }>;

/**
 * Commands that this release knows. What a type means stays: who changes that takes another name, and an edge of the release
 * before leaves such a command for the one that comes after it.
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

/** What an admin's change asks of edges. `id` is a ULID: commands of one edge are applied in its order, once. */
export type EdgeCommand = { readonly id: string; readonly at: number } & (
  | {
      readonly type: 'end_user';
      readonly user_id: string;
      readonly below_epoch: number;
      readonly cause: EndCause;
      readonly reason: string;
      readonly sender_comp_id?: string;
      /** The venue cancels what the user has resting; the command then goes to every edge. */
      readonly cancel_orders?: true;
    }
  | {
      readonly type: 'end_session';
      readonly session_id: string;
      readonly cause: EndCause;
      readonly reason: string;
      /** The venue cancels what this FIX session, which is the session's, has resting. */
      readonly cancel_orders?: FixSessionKey;
    }
  /** Locks of tiers, or of everybody: the policy is read at once. */
  | { readonly type: 'policy_changed'; readonly version: number }
  /** To this incarnation: no new logons, clients told, everything given back, and an end. */
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
      /** Absent: as it is. */
      readonly next_in?: number;
      readonly next_out?: number;
      /** What was sent is not sent again. */
      readonly reset: boolean;
      /** The journal or what is told of it is older than the session: it goes on at whichever is ahead, outbound so far beyond it. */
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
