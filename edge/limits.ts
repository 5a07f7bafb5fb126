/**
 * Every bound of the edge on what comes from outside, with its reason. Those of the session layer are in
 * fix/session/limits.ts, those of the gate in core/sessions/bounds.ts.
 */

import { DIVERT_BACKLOG_BYTES, RESEND_BACKLOG_BYTES } from './fix/session/limits.ts';
import { ID_BYTES } from './journal/limits.ts';

/** From accept to Logon: a client on a bad line needs a second or two, a stranger holds a socket no longer than this. */
export const LOGON_WITHIN_MS = 10_000;
/** From a complete Logon to the gate's answer: the store's own deadlines are below it, and none may leave a socket waiting. */
export const AUTHENTICATE_WITHIN_MS = 15_000;
/** Longest first message: a Logon with a certificate-sized RawData fits; a stranger can hold no more memory than this and one chunk. */
export const LOGON_BYTES = 4096;
/** Of a PROXY header after its first 16 bytes: two IPv6 addresses with ports take 36, a balancer's extensions some dozens each. */
export const PROXY_BODY_BYTES = 1024;
/** Between looks at the files of certificate and key: whoever replaces them sees it happen; it reads a few KB. */
export const TLS_FILES_POLL_MS = 1000;
/** Between looks at the secret that holds them: each look is a call that is paid for, and SIGHUP is at hand. */
export const TLS_SECRET_POLL_MS = 300_000;
/**
 * Connections not logged on, all addresses together: the 10,000 clients of an edge that has died, all in one second, and half
 * as many of whoever else. Turned away they would come again a second later, each with another Logon. One that says
 * nothing weighs some 5 KB, one that holds back a Logon's last byte 9 KB: 150 MB at most, and a flood fills it from its own.
 */
export const NOT_LOGGED_ON = 16_384;
/** Connections in all: each has a socket and buffers. Those not logged on have what sessions leave of it. */
export const CONNECTIONS = 20_000;
/** File descriptors that are no connections of clients: Node's own, segments of the journal, the store's connections, logs. */
export const SPARE_DESCRIPTORS = 1024;
/**
 * Logons being authenticated at once, by how the store answers (edge/logon-width.ts); more wait their turn. Each is a few
 * milliseconds of work whenever the store answers, and answers come together: with 256 a flood of Logons held up others for
 * 240 ms, and buried the store under what live sessions ask of it. Four keep any store busy that is slow for being busy.
 */
export const LOGONS_AT_ONCE = { least: 4, most: 64 } as const;
/** Where that begins, and comes back to once the store is well: held up others for 30 to 40 ms. */
export const LOGONS_AT_FIRST = 16;
/** A question of a Logon, two to five calls one after the other, is answered by an idle store in a tenth of this to a half. */
export const ANSWERED_QUICKLY_MS = 100;
/** Answered in this, the store is not what keeps Logons waiting: a sixth of a call's deadline (adapters/dynamodb). */
export const ANSWERED_WELL_MS = 500;
/** Later, calls come near the 2 s that each try has: too late, where fewer questions are known to be answered in half of it… */
export const ANSWERED_LATE_MS = 1_500;
/** …and in any case so long after they were asked. */
export const ANSWERED_TOO_LATE_MS = 2_500;
/** Engines give up so long after their Logon by themselves: QuickFIX's LogonTimeout, and what others have. */
export const CLIENT_WITHIN_MS = 10_000;
/** Of that, what is not seen here: the way, and how long the kernel has had a connection, of thousands, before it is accepted. */
export const UNSEEN_MS = 500;
/** Engines send their Logon at once: of the time between accept and Logon so much at most was its way, or this process being behind. */
export const ON_ITS_WAY_MS = 1_000;
/**
 * Longest wait for one's turn; then a Logon is told to try again: within these bounds as long as its client can still be answered
 * (edge/logon-patience.ts). Sooner, those sent away would come again each second.
 */
export const TURN_WITHIN_MS = { least: 6_500, most: 9_250 } as const;
/** What a Logon takes from its turn to its answer, until that is known. */
export const TURN_TOOK_AT_FIRST_MS = 500;
/** Between looks at what they took meanwhile: some ten of them, and the longest of all that go together is over. */
export const TURNS_LOOK_MS = 100;
/**
 * Kernel's queue of connections not accepted yet: all clients reconnect in the same second after a restart, and whoever finds it
 * full tries again a second later by itself. The system bounds it too (net.core.somaxconn, 4,096 by default).
 */
export const LISTEN_BACKLOG = 16_384;
/** CompIDs and SenderSubID of a Logon: as long as provisioning allows (core/credentials/model.ts). */
export const COMP_ID_BYTES = 64;
/** ClOrdIDs that a session's policy remembers (`cl_ord_id`): as long as the journal can (edge/journal/limits.ts); the field's have 10 to 40. */
export const CL_ORD_ID_BYTES = ID_BYTES;
/** Bytes of a password or another proof: 256 bits in any encoding fit many times. */
export const PROOF_BYTES = 1024;

/** Read of one connection before others have their turn: what Node hands over at once, about a millisecond of work. */
export const READ_PORTION = 65_536;
/** Read and passed over of a connection that is being closed, so that it hears why; who goes on sending does not listen. */
export const CLOSING_BYTES = 262_144;
/**
 * Output that a connection's client has not read above which what comes later is kept in its session instead, and above which it is cut once
 * its last write has lasted for {@link SLOW_READER_MS}.
 */
export const OUTPUT_BYTES = DIVERT_BACKLOG_BYTES;
/** The same while messages wait behind it already: they go on below it. */
export const UNREAD_BYTES = RESEND_BACKLOG_BYTES;
/** One turn may make more than that, the reports of a mass cancel: who reads has a moment to do so. */
export const SLOW_READER_MS = 1_000;
/** Bound of the output buffer: the queue, what one batch of input can add to it, and the longest message. */
export const OUTPUT_BUFFER_BYTES = OUTPUT_BYTES + 4 * 1024 * 1024;
/**
 * Output that waits for the journal above which a connection is not read: the client is slowed down to what the journal's
 * store takes, and never cut for it. A commit of 10 ms then has room for a few hundred thousand messages a second.
 */
export const WITHHELD_BYTES = 512 * 1024;
/** First size of a connection's output buffer, once it has something to say; thousands of quiet ones have one each. */
export const OUTPUT_INITIAL_BYTES = 4096;
/** A write that the client's side has not taken for so long: it has stopped reading. */
export const WRITE_STALL_MS = 30_000;
/** How long a closed connection may take to have its last bytes read before it is destroyed. */
export const LINGER_MS = 1000;

/** A holder that is probed decides within this in all (design: duplicate_logon). */
export const PROBE_MS = 4000;
/** The same where another edge has asked: its question and the answer take up to half a second of that. */
export const PROBED_MS: number = PROBE_MS - 500;
/** Logons that may wait for one session's holder: the client's last try and one before; more are refused at once. */
export const WAITING_LOGONS = 2;

/**
 * A Logon that has won its session waits so long while another edge's journal is read: most are read within a second, and
 * none are larger than 2 GiB. Below {@link AUTHENTICATE_WITHIN_MS}.
 */
export const MOVE_WITHIN_MS = 14_000;
/**
 * The same where the session cannot be taken from an edge that does not answer: an edge that is started again on its
 * machine is back by then…
 */
export const OUT_OF_REACH_MS = 2_000;
/** …but no longer than this from when it began to be decided whose session it is, however long that took: its client hears no later than after 4 s. */
export const REFUSED_WITHIN_MS = 3_500;
/** An edge that was stopped in order is started again, with the journal on its disk, within this. After it nobody waits for that journal. */
export const BACK_WITHIN_MS = 14_000;
/** Of that, for the venue to hear that the session moves: it is a process on the same machine, or about as near. */
export const CLAIM_WITHIN_MS = 3_000;
/** An edge that has acknowledged gives a session away within this, or is asked again. */
export const YIELD_WITHIN_MS = 2_500;
/** A heartbeat that comes every second, has not been seen to come, and has not for so long, stands still… */
export const STILL_MS = 1_200;
/** …and one that has, when two in a row have not: with looks and calls three seconds from when an edge hangs (docs/adr/0037). */
export const MISSED_MS = 2_000;
/** One whose heartbeat goes on while it does not answer is busy, as others may be: it has so long until a session is taken from it. */
export const LIVING_WITHIN_MS = 5_000;
/** What is decided sooner is answered without an acknowledgement first: there are 500 ms to spare before that is missed. */
export const DECIDED_SOON_MS = 100;
/** Between tries to get at an edge that does not answer. */
export const MOVE_RETRY_MS = 250;
/** Between looks whether the venue's log has what it was given of a session that comes: a batch of the journal takes about as long. */
export const WRITTEN_LOOK_MS = 20;
/** Another edge's row is read this often at most, however many sessions wait for it. */
export const EDGES_FRESH_MS = 250;
/** An edge that did not hear is not asked again sooner: thousands of sessions may wait for it. */
export const SILENT_MS = 1_000;
/** How long the journal of a dead edge, once read, is kept for those of its sessions that are yet to come. */
export const ESTATE_MS = 120_000;
/** Of the messages of sessions that go together, beside the last of them; more go with the next question. */
export const MOVED_TOGETHER_BYTES: number = 16 * 1024 * 1024;
/** A parcel, unpacked: messages are bounded by the journal, those that wait for a client by what a day brings. */
export const PARCEL_BYTES = 512 * 1024 * 1024;

/** Ended sessions whose numbers are reported in one call. */
export const NUMBERS_AT_ONCE = 500;
/** Live sessions whose numbers are reported each second. Nobody waits for them, and in a storm of Logons the store has more urgent writes. */
export const LIVE_NUMBERS_AT_ONCE = 50;
/** Between calls that tell ended ones: in a storm each Logout would have one of its own. People see it a fifth of a second later. */
export const NUMBERS_APART_MS = 200;
/** Between calls that tell live ones, and tries to tell what could not be told. */
export const NUMBERS_RETRY_MS = 1000;
/**
 * Numbers that a session reserves in the store, if its journal is not there. While the store is away it has at least all but {@link BLOCK_RENEW}
 * of them: a quarter of an hour at a thousand messages a second, and at a million the second that a busy store may take to answer. Up to so many
 * are gap-filled when its edge dies; a generation has room for two thousand such deaths below the 2^31 that some engines count to.
 */
export const BLOCK_NUMBERS = 1_048_576;
/** Used when the next block is asked for: a call of the store for so many messages. */
export const BLOCK_RENEW = 65_536;
/** If those are used within so long, the next block is twice as large: so a block lasts for more than a minute… */
export const BLOCK_FAST_MS = 5_000;
/** …up to this many numbers, which are 16 s of a million messages a second. */
export const BLOCK_MOST = 16_777_216;
/** Left when a session ends for want of more: more than a turn has been seen to use, and its Logout. */
export const BLOCK_SPARE = 4_096;
/** Without a client for so long, a session gives back what is left of its block: whoever reconnects costs nothing more. */
export const BLOCK_AWAY_MS = 10_000;
/** Blocks that are reserved or given back in one call of the port. */
export const BLOCKS_AT_ONCE = 500;
/** Sessions without a connection kept in memory; the journal has all of them, and gives back who returns. */
export const AWAY_SESSIONS = 20_000;
/**
 * FIX sessions (BeginString, SenderSubID) that one credential may begin, where it may not have more than this at once:
 * the journal keeps each for good, and a client that names its sessions after the time of day must not fill it for others.
 */
export const SESSIONS_PER_CREDENTIAL = 100;
/** Between looks at how far the clock is off: a step of it shows within this. */
export const CLOCK_LOOK_MS = 1000;
/** Between looks for the file that shuts this edge: as soon as a command would. */
export const SHUT_LOOK_MS = 250;
/** Of that file, from its beginning: a reason of 400 characters and a word fit. */
export const SHUT_BYTES = 512;
/** Timers go off twenty times a second: a process that has not run for so long was stopped, or its machine was. */
export const STANDSTILL_MS = 1_000;
/** So long it then waits to hear from the store whether it still counts: its heartbeat is due at once, and has 3 s. */
export const SILENT_AT_MOST_MS = 3_500;
/**
 * Resolution of timers: TestRequests at HeartBtInt 1 need better than a second. The venue's own clock goes with it (market data, timed
 * events): what an edge with nothing to do costs is how often it wakes.
 */
export const TICK_MS = 50;
/** Between looks at how late the event loop is; the figures of `nodejs_eventloop_lag` contain it. Each look wakes the process: at every 10 ms that was a seventh of what an edge costs on which nobody is logged on. */
export const LAG_LOOK_MS = 25;
/** Woken in one turn of the process, others then have theirs: strangers that came together are closed together, 30 µs each, and were 57 ms. */
export const WOKEN_AT_ONCE = 100;

/** Window for the next. */
export const UNMETERED_WINDOW_MS = 1000;
/**
 * Messages of one session in a window that draw on no bucket: those of the session level, and invalid ones, each of
 * which gets a Reject. A client's resend of a whole day of heartbeats fits into three; a flood costs some milliseconds of a
 * second, and what is more waits unread.
 */
export const UNMETERED_PER_WINDOW = 1000;
/** Sessions told of an announcement in one turn: some milliseconds of work, so that others are not delayed. */
export const ANNOUNCED_AT_ONCE = 250;
/** Questions to the gateway of one connection that wait for the store: it answers within half a second. */
export const INQUIRIES_WAITING = 16;
/** Bytes of a question's own name, which the answer repeats: a UUID fits, and an answer stays small. */
export const REQUEST_ID_BYTES = 64;
/** Dictionaries of the deployer's own; a counterparty with a dialect has one or two. */
export const DICTIONARY_FILES = 100;
/** Of one file; the largest dictionary published has 1.5 MB. */
export const DICTIONARY_FILE_BYTES = 8 * 1024 * 1024;
/** Of all together: they are read and kept as tables before the edge is ready. */
export const DICTIONARY_TOTAL_BYTES = 64 * 1024 * 1024;

/** Users that metrics name; the others are summed as `other`, so that labels stay bounded. */
export const METRIC_USERS = 500;
/** Message types that metrics name, likewise. */
export const METRIC_TYPES = 64;
/** Log lines about strangers in a second; more are counted and told in one line. */
export const STRANGER_LOGS_PER_SECOND = 20;

/** A drain: telling clients, flushing, giving leases back; the longest, milliseconds. 5,000 sessions leave a record each. */
export const DRAIN_MS = 25_000;
/** The same when the parent is gone. */
export const FAST_DRAIN_MS = 1500;
/** How long a drain waits for answers to its Logouts. */
export const DRAIN_LOGOUT_MS = 2000;
