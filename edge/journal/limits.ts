/** Every bound of the journal, with its reason. */

export interface JournalLimits {
  /** Bytes after which a segment is followed by a new one. */
  readonly segment_bytes: number;
  /** Bytes of all segments; beyond them the oldest goes, and its sent messages are gap-filled instead of resent. */
  readonly total_bytes: number;
  /** Bytes appended and not written, while the disk refuses. */
  readonly tail_bytes: number;
  /** Sessions in all. */
  readonly sessions: number;
  /** Sent messages kept per session, where the session's profile does not say. */
  readonly resend_retention: number;
  /** Bytes after which a block is followed by another. */
  readonly block_bytes: number;
  /** Bytes carried forward after one flush, or as many as it had. */
  readonly carry_bytes: number;
}

export const JOURNAL_LIMITS: JournalLimits = {
  // Large, so that a snapshot of thousands of sessions is rare; small, so that one segment is read in a fraction of a second.
  segment_bytes: 64 * 1024 * 1024,
  // Recovery reads all of it: some seconds, and 28 bytes of memory for each message that is kept.
  total_bytes: 2 * 1024 * 1024 * 1024,
  // A full disk is noticed at the first flush and orders stop: what comes after is reports, for a while.
  tail_bytes: 64 * 1024 * 1024,
  // A proven client may name any SenderSubID (50): its sessions must not fill the disk with snapshots.
  sessions: 100_000,
  resend_retention: 100_000,
  // A resend decrypts the block of each message that it has not at hand; a table's item holds one.
  block_bytes: 64 * 1024,
  // A millisecond of reading, opening, sealing and writing: what 32 MB in one piece took, others would wait for.
  carry_bytes: 256 * 1024,
};
export const BLOCK_TARGET_BYTES: number = JOURNAL_LIMITS.block_bytes;

/** First size of the two buffers of what goes to a store far away; and one larger than {@link SHIP_KEPT_BYTES} is given back. */
export const SHIP_INITIAL_BYTES = 256 * 1024;
export const SHIP_KEPT_BYTES = 8 * 1024 * 1024;
/** Bytes that the store has not answered above which nothing more is written: as with a disk that refuses. */
export const SHIP_BYTES = 128 * 1024 * 1024;
/** So many, and orders are refused: connections have stopped being read long before, so that these are those of very many… */
export const STUCK_BYTES = 32 * 1024 * 1024;
/** …or a batch that has been on its way so long, by the time in which this process runs: several times the longest that a healthy store takes. */
export const STUCK_MS = 2000;
/** How often that is looked at. */
export const SHIP_LOOK_MS = 100;
/** Messages that have left ahead of their commit are looked at so much later: what a lost machine takes along grows by that, and what is said now and then costs half. */
export const SHIP_LEISURE_MS = 50;
/** A batch that the store has not taken is sent again after this, then twice as long, at most… */
export const SHIP_RETRY_MS = 20;
export const SHIP_RETRY_MAX_MS = 1000;

/**
 * Numbers of a block that a session reserves: half of it is used while the next one gets to where it is durable, at 400,000
 * messages a second within 20 ms. So many at most are gap-filled when a machine is lost.
 */
export const RESERVE_NUMBERS = 16_384;
/**
 * Of a block for session-level messages: at a Heartbeat each half a minute half of it lasts an hour. So many at most are
 * gap-filled when an edge dies.
 */
export const SESSION_LEVEL_NUMBERS = 256;
/** Nobody waits for the next one of these, nor for what is given back: all of so long share one commit. */
export const RENEW_WITHIN_MS = 10_000;
/** Between two syncs of what is written: disks have other work, and a session's first block waits no longer for it. */
export const SYNC_PAUSE_MS = 5;

/** Longest message: the largest the edge encodes has far less; a length in a damaged record is not believed beyond it. */
export const MESSAGE_BYTES = 16 * 1024 * 1024;
/** Longest session key: BeginString, three CompIDs of 64 and what joins them fit several times. */
export const KEY_BYTES = 1024;
/** So many sent messages more than may be kept are forgotten together, or a sixteenth of those if that is less. */
export const TRIM_MESSAGES = 64;
export const TRIM_SHIFT = 4;
/** Sent messages of a session that moves to another edge, bytes: the newest; who asks for older ones gets a gap fill. */
export const MOVED_BYTES = 16 * 1024 * 1024;
/** First size of the buffer of what is not written. */
export const TAIL_INITIAL_BYTES = 256 * 1024;
/** A buffer that one burst has made larger than this is given back after it is written. */
export const TAIL_KEPT_BYTES = 4 * 1024 * 1024;
/** While the disk refuses, more than this is not tried again at each flush, of which there may be thousands in a second… */
export const RETRY_FREELY_BYTES = 1024 * 1024;
/** …but so many milliseconds after the last try. */
export const RETRY_MS = 100;
/** Read ahead for resends: neighbours are asked for next, and a system call costs as much as reading this. */
export const READ_AHEAD_BYTES = 64 * 1024;
/** Opened blocks at hand: sessions that are served resends by turns do not open each other's again. */
export const BLOCKS_AT_HAND = 8;
/** Larger ones, of one long message each, are not kept. */
export const BLOCK_AT_HAND_BYTES = 256 * 1024;
/** Header of a segment with its wrapped key, which has some hundred bytes: its length is told in two. */
export const HEADER_BYTES_MAX = 32 + 65_535;
/** A key for the next segment that could not be had is asked for again; there is a whole segment's time for it. */
export const KEY_RETRY_MS = 1000;
/** Longest text about a session: CompIDs, and the names of its dictionaries' files. */
export const ABOUT_BYTES = 16 * 1024;
/** Longest ClOrdID that is remembered; the field's names are a fifth of it. */
export const ID_BYTES = 255;
/** A segment is read in one piece, for which Node has a limit; while no next one can be made, it grows so far. */
export const SEGMENT_BYTES_HARD = 2 ** 31 - 1;
/** Files of segments that have gone and are kept for those to come: a busy journal takes one away as it begins one, and the next may be late. */
export const SPARES = 2;
/** Larger ones are not: one that none could follow for long. */
export const SPARE_BYTES = 128 * 1024 * 1024;
/** Nor those of a journal that takes longer for one: filling them with zeros would be as much work for the disk again. */
export const SPARE_WITHIN_MS = 60_000;
/** The least piece of a file that the system reads and writes. */
export const PAGE_BYTES = 4096;
/** Of segment_bytes: leaves room for the largest block. */
export const SEGMENT_BYTES_MAX = 1024 * 1024 * 1024;
/** A segment with less than this share of segment_bytes alive is carried forward and deleted. */
export const CARRY_SHARE = 0.25;
/** A place that is looked at costs as much as carrying so many bytes. */
export const CARRY_LOOK_BYTES = 16;
/** Carried into one segment at most, share of segment_bytes: there is room for as much that is new. */
export const CARRY_BUDGET = 0.5;
/** A rotation that failed is tried again after so much more was written, share of segment_bytes. */
export const ROTATE_RETRY = 1 / 16;
/** Of a segment of the archive that are hashed at once: a tenth of a millisecond between two turns of work. */
export const ARCHIVE_CHUNK_BYTES = 64 * 1024;
