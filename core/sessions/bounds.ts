/** Every bound of the gate on what comes from outside, with the reason beside it. */

/** An edge's lease: long enough for a few lost heartbeats, short enough that a dead edge's slots are free within 10 s. */
export const LEASE_MS = 6_000;
export const HEARTBEAT_MS = 1_000;
/** How long another edge's heartbeat must stand still before it is declared dead: its lease, and 1 s for what was on its way. */
export const DEAD_AFTER_MS = LEASE_MS + 1_000;
export const WATCH_MS = 2_000;
/**
 * How long after the end of an incarnation its session rows are removed. Most of its clients have logged on elsewhere by then, which
 * removes their rows; and while they do, the store has enough to do.
 */
export const LEFT_OVERS_MS = 60_000;
/** No answer of the store for so long is a break: three heartbeats that failed or were late. A lease outlives it. */
export const BREAK_MS = 3_000;
/** Of more edges than this, one watches so many that follow it: what watching costs grows with edges, not with their square. */
export const WATCHED_EDGES = 8;
/** An edge that takes one of several names looks so often who serves… */
export const CLAIM_LOOK_MS = 500;
/** …and gives up after this, for whoever started it to see: a deployment's draining edges have given their names back by then. */
export const CLAIM_WITHIN_MS = 60_000;
/** Kills reach a session within half a second: two polls and a store call. */
export const COMMAND_POLL_MS = 250;

/** Tier and rule changes reach live sessions within a second; logons read the version themselves. */
export const POLICY_POLL_MS = 400;
/** Users whose sessions are counted at once after a maximum was lowered: a tier may have all of an edge's. */
export const ROOM_AT_ONCE = 8;
/** A lease that cannot be had is told so often at most: in an outage it is that of every user, ten times a second. */
export const LEASE_LOG_MS = 10_000;
/** Between tries to count them while the store is away. */
export const ROOM_RETRY_MS = 500;
/** Users whose overrides are kept while the policy stays: those of all connections of an edge; most have none. */
export const OVERRIDES_KEPT = 20_000;

/** Window and penalty of bad logons. */
export const BAD_LOGON_WINDOW_MS = 30_000;
export const BAD_LOGON_PENALTY_MS = 30_000;
/** Names and addresses remembered at once; the least recent goes. A hostile address can fill it at most with its own. */
export const BAD_LOGON_KEYS = 20_000;
/** (address, SenderCompID) pairs that have logged on before; filled by proven clients only. */
export const KNOWN_PAIRS = 100_000;
/** Bad logons for one name in one window, over all addresses, that raise an event. */
export const BAD_LOGON_ALARM = 30;

/** Refusals with the same address, name and reason that get a record each in a minute; more are counted. */
export const REFUSALS_EACH = 3;
/** Refusal records of one edge in a minute, whatever their keys; more are counted by reason. */
export const REFUSAL_RECORDS = 120;
/** Characters of an unproved name or address kept in a record: 49 can be as long as the peer's message. */
export const UNPROVED_TEXT = 64;

/** Audit: records are in the store within a second, so buffers flush well before. */
export const AUDIT_FLUSH_MS = 200;
/** Records of one append, which the store takes as one transaction: half as many as one may have, which a slow store still takes in time. */
export const AUDIT_BATCH = 50;
/** Tries at the end of an edge that bring no record to the store, before the rest is given up. */
export const LAST_FLUSHES = 2;
/** Records kept while the store is away: 50 000 at about 1 KB; then the oldest stay and new ones are counted. */
export const AUDIT_BUFFER = 50_000;

/** Violation counters are at most 1 s old. */
export const VIOLATIONS_FLUSH_MS = 300;
/** The first violations after a quiet minute are recorded together after this, what follows once a minute. */
export const VIOLATION_RECORD_FIRST_MS = 250;
export const VIOLATION_RECORD_EVERY_MS = 60_000;

/** Attempts of a logon to take a slot while the account keeps changing under it. */
export const REGISTER_ATTEMPTS = 5;
/** Slots whose release failed are tried again this often. */
export const RELEASE_RETRY_MS = 500;
/** A timer is never set further ahead than this; expiry looks again at the wall clock then. */
export const EXPIRY_LOOK_MS = 60_000;

/** Characters of a refusal's text: rules may have long messages, and some engines cut 58 without a word. */
export const REFUSAL_TEXT = 400;
/** How long before its expiry a credential's logons are warned. */
export const EXPIRY_WARNING_MS = 7 * 86_400_000;

/**
 * Largest window of a signed Logon. What was accepted is remembered for as long after its SendingTime, and as long again
 * for edges whose clocks are behind: an edge never takes what another may have forgotten.
 */
export const MAX_LOGON_WINDOW_MS = 60_000;
export const SIGNED_LOGON_LIFE_MS = 2 * MAX_LOGON_WINDOW_MS;

/** Slots given back by one call when many sessions end together, and such calls at a time. */
export const RELEASES_TOGETHER = 33;
export const RELEASE_CALLS = 4;
/** Reasons of refusals that figures tell apart; callers' own ones beyond are summed as `other`. */
export const REFUSAL_REASONS = 40;

/** A killed client is told once its slot is free, or after this: kills take less than a second also when the store is slow. */
export const FREED_BEFORE_TOLD_MS = 150;

/** A client that asks where its limits stand is answered by what was read of its user so long ago, or by a new reading. */
export const LIMITS_FRESH_MS = 1000;
/** How long such a reading may take before the answer is what this edge knows. */
export const LIMITS_READ_MS = 500;

/** An announcement that an edge finds later, having been away, is none any more: maintenance that was yesterday. */
export const NOTICE_LIFE_MS = 60_000;
/** How long who announces something waits for edges to say whom they told: two looks for commands, and the store. */
export const RECEIPTS_WITHIN_MS = 1500;
export const RECEIPT_POLL_MS = 100;

/** An edge that lives hears what another asks of it with its next look for commands, and says so at once… */
export const ACKNOWLEDGED_WITHIN_MS = 1000;
/** …which is looked for this often: a session that moves waits for it. */
export const ANSWER_POLL_MS = 50;
/** Sessions of one question to another edge: a row of a tenth of what one may have, and some ten milliseconds of work there. */
export const YIELDED_TOGETHER = 200;

/** Orders of a batch for which the lease is held against the clock once: some ten microseconds of work. */
export const ORDERS_A_LOOK = 16;
