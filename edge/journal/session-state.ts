/** The state of a session independent of a journal: for moving it from one journal to another. */

/** How a session is kept. A term that is not given stays as it was, or is the journal's default. */
export interface SessionTerms {
  /** Sent messages kept for resends. */
  readonly retention: number;
  /** Seconds that each is kept at most; 0: no limit. */
  readonly retention_s: number;
  /** ClOrdIDs that are remembered at most; 0: none. */
  readonly ids: number;
  /** Seconds that each is remembered. */
  readonly ids_s: number;
  /** The owner's own description of the session; comes back with {@link Accepted}. */
  readonly about: string;
}

export const sameTerms = (a: SessionTerms, b: SessionTerms): boolean =>
  a.retention === b.retention &&
  a.retention_s === b.retention_s &&
  a.ids === b.ids &&
  a.ids_s === b.ids_s &&
  a.about === b.about;

/** Identifies a message of the client, also across resets of its numbers. */
export interface After {
  readonly generation: number;
  readonly msgSeqNum: number;
}

export interface MovedMessage {
  /** MsgSeqNum; 0 for a message that waits for the client. */
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

/** The whole state of a session. */
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
  /** Messages submitted to the venue after the one that was asked about, in order. */
  readonly submitted: readonly MovedOrder[];
}
