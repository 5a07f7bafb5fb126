/** What a run of chaos leaves behind, and what the checkers read: nothing else. Times are milliseconds of one monotonic clock. */
import type { LineFault } from './fault-proxy.ts';

/** A connection that asked to log on. */
export interface Attempt {
  readonly at: number;
  /** Where it went: an edge's number, 0 the balancer. */
  readonly through: number;
  /** Undefined: nothing came back before the connection ended. */
  readonly answered?: { readonly at: number; readonly accepted: boolean; readonly text: string };
  /** The end of the connection. */
  readonly ended?: { readonly at: number; readonly text: string };
}

/** An application message that came from the gateway, in the order of coming. */
export interface Received {
  readonly at: number;
  /** Rises when both numbers begin at 1 again. */
  readonly generation: number;
  readonly seq: number;
  readonly poss_dup: boolean;
  readonly msg_type: string;
  /** Without what a repetition may change: 8, 9, 10, 34, 43, 52, 97, 122. */
  readonly content: string;
  /** ExecID; empty: none, or that of a status. */
  readonly exec_id: string;
}

export type AnswerKind = 'report' | 'cancel_reject' | 'limit' | 'not_now' | 'reject';

/** An order, cancel or status request of a client, with what became of it. */
export interface Asked {
  readonly id: string;
  readonly kind: 'order' | 'cancel' | 'status';
  readonly at: number;
  readonly generation: number;
  answered?: { readonly at: number; readonly kind: AnswerKind; readonly text: string };
}

/** An order as its reports tell it. */
export interface OrderView {
  readonly id: string;
  /** Sum of LastQty over distinct ExecIDs. */
  filled: number;
  /** CumQty of the last report that is no status. */
  cum: number;
  status: string;
  /** CumQty and OrdStatus as the venue said them at the end. */
  said?: { readonly cum: number; readonly status: string };
}

export interface SessionLog {
  readonly name: string;
  readonly user: string;
  readonly sender_comp_id: string;
  readonly role: Role;
  readonly attempts: Attempt[];
  readonly received: Received[];
  readonly asked: Asked[];
  readonly orders: OrderView[];
  /** What a client must never see, in words. */
  readonly faults: string[];
}

/** keeper: keeps its numbers for good. Others begin anew with each Logon. */
export type Role = 'keeper' | 'crowd' | 'greedy' | 'victim';

export interface UserPlan {
  readonly user: string;
  readonly max_sessions: number;
  readonly orders_per_second: number;
  readonly burst: number;
}

export const FAULTS = [
  'edge_killed',
  'edge_stopped',
  'edge_cut',
  'edge_drained',
  'store_stopped',
  'store_killed',
  'store_delayed',
  'store_throttled',
  'venue_killed',
] as const;

export type FaultKind = (typeof FAULTS)[number];

export interface Fault {
  readonly kind: FaultKind;
  /** Number of the edge; 0: all. */
  readonly edge: number;
  readonly line?: LineFault;
  readonly from: number;
  /** What was broken runs again. */
  to: number;
  /** Everybody who is to be logged on is; undefined: not within the patience. */
  healed?: number;
}

export interface AdminAct {
  readonly kind: 'kill_session' | 'kill_user' | 'lock' | 'unlock' | 'suspend' | 'reactivate' | 'tier' | 'tier_put';
  readonly user: string;
  readonly at: number;
  readonly done: number;
  /** HTTP status; 0: no answer. */
  readonly status: number;
  /** From asking to each client's having its Logout or its line cut, or being answered as under its new limits, ms. */
  readonly reached: readonly number[];
  /** How many clients it was to reach, and did not within half a minute. */
  readonly missed: number;
  /** Nothing was broken meanwhile. */
  readonly calm: boolean;
}

/** A second of an edge, by its metrics. */
export interface Sample {
  readonly at: number;
  readonly edge: number;
  /** Undefined: it did not answer. */
  readonly unleased?: number;
  /** By name of the metric, what tells how busy it was. */
  readonly figures?: Readonly<Record<string, number>>;
}

/** Slot rows that count, for the user with the most beyond its maximum. */
export interface SlotCount {
  readonly at: number;
  readonly user: string;
  readonly held: number;
  readonly most: number;
}

/** An order sent after the lease was over, and what became of it; `off`: its client was not logged on then. */
export interface LateOrder {
  readonly answer: AnswerKind | 'none' | 'off';
  readonly text: string;
  /** Its connection ended before it was answered: it was sent again, with PossDupFlag, when the store was back. */
  readonly again: boolean;
  /** From its sending to its answer, ms. */
  readonly after?: number;
}

/** Probes of one outage of the store. */
export interface Outage {
  readonly from: number;
  readonly to: number;
  /** Answers are not heard before it is back: what is not on record there does not leave. */
  readonly withheld: boolean;
  /** Cancels sent while it was away, how many were done, and how many of those the client heard of meanwhile. */
  readonly cancels: number;
  readonly cancelled: number;
  readonly meanwhile: number;
  /** Logons tried, by the Text that refused them; empty: no answer, or accepted. */
  readonly logons: readonly string[];
  /** Orders sent after the lease was over. */
  readonly orders: readonly LateOrder[];
}

export interface Storm {
  readonly edge: number;
  readonly at: number;
  readonly why: 'edge_killed' | 'edge_drained';
  readonly sessions: number;
  /** The last is back; undefined: not within the patience. */
  readonly back?: number;
  /** Logons that each of them sent, but for those while an operator kept it out. */
  readonly logons: readonly number[];
  /** The one of them that sent the most. */
  readonly slowest: string;
}

export interface Drain {
  readonly edge: number;
  readonly at: number;
  readonly sessions: number;
  /** Clients that got a Logout. */
  readonly told: number;
  readonly exited?: { readonly at: number; readonly code: number | null };
}

export interface Freed {
  readonly edge: number;
  readonly killed: number;
  readonly free?: number;
}

/** A session that was asked for at another edge while its own stood still. */
export interface Takeover {
  readonly edge: number;
  readonly at: number;
  readonly answered?: { readonly at: number; readonly accepted: boolean; readonly text: string };
  /** Its journal can be read by others: then the session is to be had. */
  readonly within_reach: boolean;
  /** MsgTypes (35) of what the client before got on its connection once the other had been accepted. */
  readonly said_after: readonly string[];
}

export interface Ending {
  readonly edges: number;
  /** Edges whose /ready says 200. */
  readonly ready: number;
  /** Sessions that are to be on, and are. */
  readonly wanted: number;
  readonly on: number;
  /** Sessions that the store lists, and clients that say they are on, by name: those of one list only. */
  readonly only_in_store: readonly string[];
  readonly only_at_clients: readonly string[];
  readonly took_ms: number;
}

export interface Ledger {
  readonly users: ReadonlyMap<string, UserPlan>;
  readonly sessions: readonly SessionLog[];
  readonly faults: readonly Fault[];
  readonly acts: readonly AdminAct[];
  readonly samples: readonly Sample[];
  readonly slots: readonly SlotCount[];
  readonly outages: readonly Outage[];
  readonly storms: readonly Storm[];
  readonly drains: readonly Drain[];
  readonly freed: readonly Freed[];
  readonly takeovers: readonly Takeover[];
  readonly ending: Ending;
  readonly audit: { readonly chains: number; readonly records: number; readonly broken: readonly string[] };
  /** Records of the audit by type, of the acts above. */
  readonly recorded: Readonly<Record<string, number>>;
}

export interface Verdict {
  readonly promise: string;
  readonly bound: string;
  readonly held: boolean;
  /** What was looked at: a promise for which nothing was is not held. */
  readonly evidence: string;
  readonly against: readonly string[];
}
