/** Every bound of the link between edges and the venue's process, with its reason. */

/** Of one frame: the longest FIX message an edge takes fits many times. */
export const FRAME_BYTES = 8 * 1024 * 1024;
/** Bytes given to a socket that the other side has not taken: more stays in the mailbox until there is room. */
export const SOCKET_BYTES = 4 * 1024 * 1024;
/** Frames that wait for one peer, bytes. An edge that has been gone for days; beyond it the oldest reports go, with an error in the log. */
export const WAITING_BYTES = 256 * 1024 * 1024;
/** Edges that a venue serves. */
export const LINKS = 64;
/** From accept to HELLO. */
export const HELLO_WITHIN_MS = 5_000;
/** Between tries to reach the venue. */
export const RECONNECT_MS = 200;
/** A link that is away for no longer than this is a restart of the venue: orders wait. Beyond it they are refused. */
export const AWAY_MS = 2_000;
/** An order that waited longer than this for the link is not executed any more: its price was of another moment. */
export const STALE_MS = 5_000;
/** The venue has to answer an edge that starts within this. */
export const OPEN_WITHIN_MS = 10_000;
/** Bytes after which the log of mailboxes is written anew with what still waits. */
export const LINK_COMPACT_BYTES = 16 * 1024 * 1024;
/** Between tries to write what the disk has refused. */
export const WRITE_RETRY_MS = 250;
/** Sessions whose records are kept parsed: reports name theirs each time. */
export const PARSED_SESSIONS = 1024;
/** Between looks of the venue at its own time, ms. */
export const HOST_TICK_MS = 50;
