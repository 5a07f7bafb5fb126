/** What a seed stands for: who there is, how the weather is, and when what goes wrong. */
import type { LimiterSettings } from '../core/limits/settings.ts';
import type { Weather } from './store/weather.ts';

/** Ms of busy time of a run that is one of many. */
export const SHORT_MS = 15_000;

/** What a seed is about. */
export type Kind = 'gates' | 'home' | 'moves' | 'deaths';

export interface UserPlan {
  readonly user_id: string;
  readonly tier: string;
  readonly max_sessions: number;
  /** FIX sessions, each of a client that stays on as long as it may. */
  readonly sessions: number;
  /** Clients more than those: of a session that another has too, or of one too many. */
  readonly rivals: readonly ('same_key' | 'one_more')[];
  /** Orders a second that each client tries. */
  readonly pace: number;
  /** Its engines say with each Logon what they expect next, NextExpectedMsgSeqNum (789), and ask for nothing then. */
  readonly saysNext?: boolean;
}

/** A day that ends in the run. True time, epoch ms. */
export interface DayPlan {
  /** Orders of the day end. */
  readonly midnight: number;
  /** Sessions are over; undefined: they go on. */
  readonly overAt: number | undefined;
  /** They may be up again, and begin anew. */
  readonly opensAt: number | undefined;
  /** Share of Logons with which a client has the numbers begin anew by itself. */
  readonly resets: number;
}

/** Of edges as they are shipped. */
export interface FixPlan {
  /** Undefined: no day ends, and no numbers begin anew. */
  readonly day?: DayPlan | undefined;
  /** Journals are lost with their edges: no report is promised, and of numbers that none has two contents. */
  readonly lost?: true;
  readonly journal: 'file' | 'file_sync' | 'store';
  /** So few bytes may wait at an edge for the venue, the oldest go: messages of clients are lost, and no report is promised. */
  readonly narrow?: number;
  /** Machines lose their power, and what had not been synced. */
  readonly power?: true;
  /** Messages leave once they are durable, or out of a block of numbers that is. */
  readonly commit: 'before-send' | 'reserve';
  /** Share of Logons right after whose answer the edge is cut off, and a little later its machine lost. */
  readonly lostGreeting: number;
  /** Share of sessions that begin without a link, at an edge that is killed before it has one again. */
  readonly unheard?: number;
  /** Share of clients that go for good. */
  readonly leaving: number;
  /** Of the sessions, over the defaults. */
  readonly profile: {
    readonly duplicate_logon?: 'probe' | 'refuse' | 'takeover';
    readonly start_time?: string;
    readonly end_time?: string;
    readonly time_zone?: string;
    readonly enable_next_expected_msg_seq_num?: true;
    readonly cancel_on_disconnect?: { readonly mode: 'session'; readonly grace_ms: number };
  };
  /** Clients come to any edge, which share a venue; undefined: each stays with its own. */
  readonly moves:
    | {
        /** Share of the times that one leaves, when its edge does not hear of it. */
        readonly vanishing: number;
        /** Share of logons after which it tries another edge while it is on. */
        readonly twins: number;
        /** From when on, and at the latest, an edge that owes an answer and says nothing is left, ms. */
        readonly patience: readonly [number, number];
        /** Everybody goes to one edge at these ms of the run. */
        readonly crowds?: readonly { readonly at: number; readonly edge: number }[];
      }
    | undefined;
}

/** Whether messages of clients, or what came of them, may be lost: what they are told is not looked at then. */
export const unreported = (fix: FixPlan | undefined): boolean => fix?.lost === true || fix?.narrow !== undefined;

export type MarketTrouble = 'market_crash' | 'market_stop' | 'market_disk';

export type Trouble =
  /** The process is killed, and started again after `ms`. */
  | { readonly kind: 'crash'; readonly edge: number; readonly ms: number }
  | { readonly kind: 'stop'; readonly edge: number; readonly ms: number }
  /** The machine is lost, with its disk; another one of that name comes after `ms`. */
  | { readonly kind: 'machine'; readonly edge: number; readonly ms: number }
  /** The machine loses its power, and what its disk did not have; it is up again after `ms`. */
  | { readonly kind: 'power'; readonly edge: number; readonly ms: number }
  /** Cut off from the store. */
  | { readonly kind: 'cut'; readonly edge: number; readonly ms: number }
  | { readonly kind: 'away'; readonly ms: number }
  | { readonly kind: 'jump'; readonly edge: number; readonly offset: number }
  /** The disk of an edge that speaks FIX takes no writes. */
  | { readonly kind: 'disk'; readonly edge: number; readonly ms: number }
  /** The same of the venue that edges share: its process is killed, stands still, or its disk takes no writes. */
  | { readonly kind: MarketTrouble; readonly ms: number }
  /** The edge's link to it breaks, and is not there for so long. */
  | { readonly kind: 'link'; readonly edge: number; readonly ms: number }
  /** Ended as on SIGTERM, and started again after `ms`. */
  | { readonly kind: 'drain'; readonly edge: number; readonly ms: number };

export type AdminAct =
  | { readonly act: 'kill_user' | 'kill_session' | 'suspend' | 'reactivate'; readonly user: number }
  | { readonly act: 'lock_user' | 'unlock_user'; readonly user: number }
  | { readonly act: 'lock_tier' | 'unlock_tier'; readonly user: number }
  | { readonly act: 'lock_everybody' | 'unlock_everybody' }
  | { readonly act: 'tier'; readonly user: number; readonly tier: string };

/** At this many ms of the run. */
export type At<T> = T & { readonly at: number };

export interface Plan {
  /** True time at which it begins, epoch ms. */
  readonly startAt: number;
  /** Edges as they are shipped, FIX and journal and all; undefined: their gates alone. */
  readonly fix: FixPlan | undefined;
  readonly edges: number;
  readonly users: readonly UserPlan[];
  readonly weather: Weather;
  /** Of the wall clocks, in ms, as the bound reckons with: see {@link LimiterSettings}. */
  readonly clockErrorMs: number;
  /** Some wall clock is further off: the bound of the limiter does not hold then, everything else does. */
  readonly wildClocks: boolean;
  readonly limiter: Partial<LimiterSettings>;
  /** Share of clients that go by themselves after a while. */
  readonly restless: number;
  /** How likely a process is to die before, and after, a write to its disk. */
  readonly diesWriting: number;
  readonly troubles: readonly At<Trouble>[];
  readonly acts: readonly At<AdminAct>[];
  /** Ms of clients coming and going, and things going wrong. */
  readonly busyMs: number;
}
