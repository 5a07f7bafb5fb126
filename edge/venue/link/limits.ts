/** Every bound of the link between edges and the venue's process, with its reason. */

/** Of one frame: all sessions of an edge fit, and the longest FIX message that it takes. */
export const FRAME_BYTES = 16 * 1024 * 1024;
/** Bytes given to a socket that the other side has not taken: more stays in the mailbox until there is room. */
export const SOCKET_BYTES = 4 * 1024 * 1024;
/** Frames that wait for one peer, bytes. An edge that has been gone for days; beyond it the oldest go, with an error in the log on both sides. */
export const WAITING_BYTES = 256 * 1024 * 1024;
/**
 * So many for the venue, and orders are refused, before any that has been accepted would have to go: of a venue that takes
 * nothing more, or far less than it is sent. Cancels go on. Some 200,000 orders.
 */
export const ORDERS_WAITING_BYTES = 128 * 1024 * 1024;
/** Sessions that one line of the log names of those whose frames were dropped. */
export const LOST_SESSIONS = 100;
/** Ranges of numbers kept of a session that its messages left out: a client that is asked sends what it sent last. */
export const PASSED_OVER = 64;
/** Edges that a venue serves. */
export const LINKS = 64;
/** Sessions of one edge whose clients are there: as many as it takes connections. */
export const PRESENT = 20_000;
/** An edge whose link is gone has at least so long to be back, whatever grace its sessions have: it may be the venue that was restarted. */
export const RELINK_MS = 5_000;
/** Whoever has claimed a session has so long to start it, whatever grace it has: a Logon waits no longer for what is elsewhere. */
export const CLAIMED_MS = 20_000;
/** From accept to HELLO. */
export const HELLO_WITHIN_MS = 5_000;
/** Between tries to reach the venue. */
export const RECONNECT_MS = 200;
/** A link that is away for no longer than this is a restart of the venue: orders wait. Beyond it they are refused. */
export const AWAY_MS = 2_000;
/** Between words of a side that has nothing else to say. */
export const BEAT_MS = 1_000;
/**
 * A side that knows of beats and has said nothing for so long is gone, whatever its connection says; and a venue that is linked and has acknowledged nothing of what waits for so long takes no orders: its disk refuses. Longer than any pause of a process that is well.
 */
export const STANDSTILL_MS = 4_000;
/** An order that waited longer than this for the link is not executed any more: its price was of another moment. */
export const STALE_MS = 5_000;
/** The venue has to answer an edge that starts within this. */
export const OPEN_WITHIN_MS = 10_000;
/** Bytes after which the log of mailboxes is written anew with what still waits. */
export const LINK_COMPACT_BYTES = 16 * 1024 * 1024;
/** Sessions whose records are kept parsed: reports name theirs each time. */
export const PARSED_SESSIONS = 1024;
/** Between looks of the venue at its own time, ms. */
export const HOST_TICK_MS = 50;
/** Between tries of a cancel that the venue itself failed at. */
export const OWED_MS = 1_000;
/**
 * Who has logged on so long after a mass cancel was asked for was not there then, by whichever clock: what it has placed since stays,
 * however late the cancel comes.
 */
export const SINCE_MS = 10_000;
