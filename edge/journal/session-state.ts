/** What a session is, apart from where it is kept: as it is asked for, and as it moves from one journal to another. */

/** How a session is kept; what is not given stays as it was, or is the journal's default. */
export interface SessionTerms {
  /** Sent messages kept for resends. */
  readonly retention: number;
  /** Seconds that each is kept at most; 0: for good. */
  readonly retention_s: number;
  /** ClOrdIDs that are known again, at most; 0: none is. */
  readonly ids: number;
  /** Seconds that each is known. */
  readonly ids_s: number;
  /** Who the session is, in its owner's words: comes back with {@link Accepted}. */
  readonly about: string;
}

export const sameTerms = (a: SessionTerms, b: SessionTerms): boolean =>
  a.retention === b.retention &&
  a.retention_s === b.retention_s &&
  a.ids === b.ids &&
  a.ids_s === b.ids_s &&
  a.about === b.about;

/** A message of the client, by its place in all that it has ever sent. */
export interface After {
  readonly generation: number;
  readonly msgSeqNum: number;
}

export interface MovedMessage {
  /** MsgSeqNum; 0 for one that waits. */
  readonly msgSeqNum: number;
  /** Seconds since 1970. */
  readonly second: number;
  readonly message: Buffer;
}

export interface MovedOrder extends After {
  /** Epoch ms. */
  readonly receivedAt: number;
  /** As it came. */
  readonly message: Buffer;
}

/** All of a session. */
export interface SessionState {
  readonly nextIn: number;
  readonly nextOut: number;
  readonly generation: number;
  readonly createdAt: number;
  readonly forgotten: number;
  /** See {@link Journal.told}. */
  readonly told: number;
  /** See {@link JournalSession.lostAt}. */
  readonly lostAt: number;
  readonly terms: SessionTerms;
  /** Ascending. */
  readonly sent: readonly MovedMessage[];
  /** Oldest first. */
  readonly waiting: readonly MovedMessage[];
  readonly ids: readonly { readonly second: number; readonly id: Buffer }[];
  /** What it had handed to the venue after the message that was named, in order. */
  readonly submitted: readonly MovedOrder[];
}
