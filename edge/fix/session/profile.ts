/**
 * How a session with one counterparty is kept. Names are QuickFIX's own settings in snake case, so that a QuickFIX
 * settings file can be imported; begin_strings, duplicate_logon, cancel_on_disconnect, resend_retention,
 * resend_retention_s, cl_ord_id, max_message_bytes, news, limit_warning_percent, commit and journal are ours.
 */

import { BEGIN_STRINGS, type BeginString, DEFAULT_VALIDATION, type ValidationOptions } from '../dictionary/index.ts';
import type { Schedule } from './schedule.ts';

export type TimestampPrecision = 'seconds' | 'millis' | 'micros' | 'nanos';

export interface SessionProfile extends ValidationOptions, Schedule {
  /** Both numbers start at 1 on every Logon, without 141=Y in the answer unless the client sent it. */
  readonly reset_on_logon: boolean;
  /** Both numbers start at 1 again after a Logout handshake. */
  readonly reset_on_logout: boolean;
  /** Both numbers start at 1 again after any end of the connection. */
  readonly reset_on_disconnect: boolean;
  /** Whether SendingTime is held against the clock. */
  readonly check_latency: boolean;
  /** Seconds SendingTime may be off, either way. */
  readonly max_latency: number;
  /** Seconds; a Logon with HeartBtInt (108) outside is refused. 0 as minimum admits sessions without heartbeats. */
  readonly heartbeat_interval: { readonly min: number; readonly max: number };
  /** Whether our Logon carries 789. A received 789 is honoured whatever this says. */
  readonly enable_next_expected_msg_seq_num: boolean;
  /** Whether our headers carry 369, in the versions that have it. */
  readonly enable_last_msg_seq_num_processed: boolean;
  /**
   * Whether Logon and Logout of a session carry 1409 over FIXT.1.1. Its first edition has no such field, and engines that
   * validate by it take no Logon that has one.
   */
  readonly enable_session_status: boolean;
  /** Most messages asked for by one ResendRequest; 0: all missing ones by one with EndSeqNo 0. */
  readonly resend_request_chunk_size: number;
  /** Decimals of SendingTime; FIX.4.0 and FIX.4.1 know seconds only. */
  readonly timestamp_precision: TimestampPrecision;
  readonly validate_checksum: boolean;
  readonly reject_garbled_message: boolean;
  /** Whether PossDup messages must carry OrigSendingTime (122). */
  readonly requires_orig_sending_time: boolean;
  /**
   * Names of the deployer's own dictionaries: for FIX.4.0 to FIX.4.4, for the session layer of FIXT.1.1, and for what
   * FIXT.1.1 carries. A version that none of them is of has the bundled one. Read by the edge, not by the session.
   */
  readonly data_dictionary: readonly string[];
  readonly transport_data_dictionary: readonly string[];
  readonly app_data_dictionary: readonly string[];
  /** N: nothing sent is kept, every ResendRequest is answered by a gap fill. */
  readonly persist_messages: boolean;

  /** Versions this counterparty may log on with. */
  readonly begin_strings: readonly BeginString[];
  /** What a second Logon for a live session does; the connection's business, kept here with the rest. */
  readonly duplicate_logon: 'probe' | 'refuse' | 'takeover';
  /** `session`: what the session has resting at the venue is cancelled when it has been away for so long. */
  readonly cancel_on_disconnect: { readonly mode: 'off' | 'session'; readonly grace_ms: number };
  /** Sent application messages kept for resending; older ones are gap-filled. */
  readonly resend_retention: number;
  /** Seconds that each is kept at most; 0: as long as their number allows. */
  readonly resend_retention_s: number;
  /**
   * `reject`: an order, replace or cancel whose ClOrdID (11) the session has used among its last `window`, and within
   * `window_s` seconds, over all its connections, is refused as a duplicate.
   */
  readonly cl_ord_id: { readonly policy: 'off' | 'reject'; readonly window: number; readonly window_s: number };
  /** Longest message taken, bytes from 8= to the SOH after 10=. */
  readonly max_message_bytes: number;
  /**
   * What the client is told by News (35=B): announcements of maintenance, and after a reconnect that what it had missed
   * has been sent. The edge's business.
   */
  readonly news: { readonly maintenance: boolean; readonly recovery_complete: boolean };
  /** News when so much of a limit has been used; 0: never. The edge's business. */
  readonly limit_warning_percent: number;
  /**
   * Whether its messages wait until they are durable, or leave out of a block of numbers that is; undefined: as the gateway's
   * journal is set up, which may not be for the latter. The edge's business.
   */
  readonly commit: 'before-send' | 'reserve' | undefined;
  /** Which of the gateway's two journals it is in, where there are two; undefined: the gateway's. The edge's business. */
  readonly journal: 'store' | 'file' | undefined;
}

/** QuickFIX's defaults where it has the setting. */
export const DEFAULT_PROFILE: SessionProfile = {
  ...DEFAULT_VALIDATION,
  reset_on_logon: false,
  reset_on_logout: false,
  reset_on_disconnect: false,
  check_latency: true,
  max_latency: 120,
  heartbeat_interval: { min: 1, max: 86_400 },
  enable_next_expected_msg_seq_num: false,
  enable_last_msg_seq_num_processed: false,
  enable_session_status: false,
  resend_request_chunk_size: 0,
  timestamp_precision: 'millis',
  validate_checksum: true,
  reject_garbled_message: false,
  requires_orig_sending_time: true,
  data_dictionary: [],
  transport_data_dictionary: [],
  app_data_dictionary: [],
  start_day: undefined,
  end_day: undefined,
  start_time: undefined,
  end_time: undefined,
  time_zone: 'UTC',
  persist_messages: true,
  begin_strings: BEGIN_STRINGS,
  duplicate_logon: 'probe',
  cancel_on_disconnect: { mode: 'off', grace_ms: 0 },
  resend_retention: 100_000,
  resend_retention_s: 0,
  cl_ord_id: { policy: 'off', window: 100_000, window_s: 86_400 },
  max_message_bytes: 65_536,
  news: { maintenance: false, recovery_complete: false },
  limit_warning_percent: 0,
  commit: undefined,
  journal: undefined,
};
