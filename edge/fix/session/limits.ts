/** Every bound of the session layer, with its reason. */

/** Messages kept while a gap before them is filled. A client's resend of a second at a high rate; what does not fit is asked for again. */
export const QUEUE_MESSAGES = 4096;
/** Bytes of the same: what one hostile client may hold in memory by leaving its gap open. */
export const QUEUE_BYTES = 1024 * 1024;

/** A gap in which nothing has come for so long is asked for again: the end of the client's resend was lost or garbled. */
export const GAP_RETRY_MS = 30_000;

/** Output not yet taken by the socket above which a resend pauses: a slow reader is not flooded, a fast one never waits. */
export const RESEND_BACKLOG_BYTES = 256 * 1024;
/** Output not taken above which application messages go to the store instead: a report is never lost to a full buffer. The connection cuts its reader about here, if it does not read. */
export const DIVERT_BACKLOG_BYTES = 4 * 1024 * 1024;
/** Messages resent in one go: about a millisecond of work, so that other sessions of the process are not delayed. */
export const RESEND_PORTION = 256;

/** Window for the next two. */
export const RESEND_WINDOW_MS = 1000;
/** ResendRequests served at once in a window; engines that ask once per message send a burst. More wait for the window's end. */
export const RESENDS_PER_WINDOW = 8;
/** The same range again within a window: a client that rejects what is resent asks for it in a loop. More wait likewise. */
export const SAME_RESENDS_PER_WINDOW = 2;

/** How long our Logout waits for the answer (QuickFIX's LogoutTimeout). */
export const LOGOUT_WAIT_MS = 2000;

/**
 * How long pending messages wait after a Logon without 789: a client that has missed something asks at once on our
 * Logon, and is served first. Ends early with its first message.
 */
export const PENDING_GRACE_MS = 250;

/** A client asks for what it has missed as soon as it has our Logon; what it asks for later it has missed since. */
export const RECOVERY_BEGINS_MS = 30_000;

/** Silence, as a multiple of HeartBtInt, before a TestRequest, and again before the end ("a reasonable transmission time", FIX 4.4 vol. 2, Heartbeat). */
export const TEST_REQUEST_FACTOR = 1.2;

/** Greatest MsgSeqNum: what fifteen digits hold (integers.ts) with room to count on. */
export const MAX_MSG_SEQ_NUM = 999_999_999_999_000;

/** Longest Text (58) we write, bytes: refusals quote nothing longer. */
export const TEXT_BYTES = 512;
