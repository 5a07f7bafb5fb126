/** Every bound of the venues, with its reason. */

/** ClOrdIDs that echo remembers of a session: a PossResend comes minutes after the first sending, not days. */
export const SEEN_IDS = 65_536;
/** Bytes of them; ClOrdIDs have 10 to 40. */
export const SEEN_BYTES = 4_194_304;

/**
 * Open orders of one user over all sessions, where FIXGATE_SIMULATOR_OPEN_ORDERS says nothing else: far above a person's, below what makes
 * one user slow all others.
 */
export const OPEN_ORDERS_PER_USER = 10_000;
/** The most that it can say, by memory: at some 130 bytes an order these are 650 MB. */
export const MOST_OPEN_ORDERS_PER_USER = 5_000_000;
/**
 * A book holds the open client orders of so many users who have all they may, which bounds the price levels too: a new level moves those
 * nearer the touch.
 */
export const FULL_USERS_PER_BOOK = 10;
/** ClOrdIDs kept of a session, those of closed orders among them: duplicates and status requests look back so far. */
export const KNOWN_IDS_PER_SESSION = 20_000;
/** Bytes of a ClOrdID or Account that is kept for long; longer ones are refused. */
export const ID_BYTES = 64;

/** Market data subscriptions of a session, and the depth of one: each is compared with its book at every round. */
export const SUBSCRIPTIONS_PER_SESSION = 50;
export const DEPTH_LEVELS = 20;
/** MDReqID is echoed with each update. */
export const MD_REQ_ID_BYTES = 64;
/** Updates of one subscription come no more often: people read them, and clients pay for them in messages. */
export const MARKET_DATA_MS = 250;

/** How often the reference market moves. */
export const MARKET_STEP_MS = 250;

/** Bytes after which the order log is written anew with open orders and recent ids only, if that halves it: seconds to read at start. */
export const LOG_COMPACT_BYTES = 67_108_864;
/** What a step has changed is as many lines as it takes, each ended behind the order with which it has so many bytes: a mass cancel may be of millions. */
export const LOG_PIECE_BYTES = 65_536;
/** A longer line is none of ours; earlier releases wrote a whole step into one. */
export const LOG_LINE_BYTES = 33_554_432;
