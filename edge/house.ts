/** What all connections of an edge share. */

import type { Gate } from '../core/sessions/api.ts';
import type { EndCause } from '../core/sessions/model.ts';
import type { Attendance } from './attendance.ts';
import type { Blocks } from './blocks.ts';
import type { EdgeConfig } from './config.ts';
import type { Dictionaries } from './dictionaries.ts';
import type { Message } from './fix/message.ts';
import type { Guest, Lobby } from './lobby.ts';
import type { Logger, StrangerLog } from './log.ts';
import type { LogonLine } from './logon-line.ts';
import type { Metrics } from './metrics.ts';
import type { News } from './news.ts';
import type { Profiles } from './profiles.ts';
import type { Seating } from './seating.ts';
import type { Sessions } from './sessions.ts';
import type { Mover } from './takeover/mover.ts';
import type { Ask } from './takeover/neighbours.ts';
import type { Turns } from './turn.ts';
import type { Venue } from './venue/venue.ts';
import type { Wheel } from './wheel.ts';

/** A connection whose client has logged on, as others may use it. */
export interface LiveConnection {
  /** False when its session has to end. */
  readonly isLive: boolean;
  /** Logout with `text`, then close without waiting. */
  end(cause: EndCause, text: string): void;
  /** Logout with `text`; the client may answer. */
  logout(cause: EndCause, text: string): void;
  /** Asks the client whether it is there; false when it is not, or does not say so before the connection ends. */
  probe(answered: (there: boolean) => void): void;
}

/** A session that announcements can be sent to. */
export interface NewsReceiver {
  /** @returns whether it was sent: its profile asks for announcements, and its client is logged on */
  announce(news: News): boolean;
}

export interface House {
  readonly config: EdgeConfig;
  readonly gate: Gate;
  readonly turns: Turns;
  readonly wheel: Wheel;
  readonly sessions: Sessions;
  readonly profiles: Profiles;
  readonly venue: Venue;
  readonly attendance: Attendance;
  readonly dictionaries: Dictionaries;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly strangers: StrangerLog;
  /** How many connections there may be in all. */
  readonly connections: number;
  /** Connections that have not logged on. */
  readonly lobby: Lobby<Guest>;
  /** Logons before the store, those within a session included. */
  readonly line: LogonLine;
  readonly seating: Seating;
  readonly ask: Ask;
  readonly mover: Mover;
  readonly blocks: Blocks;
  /** Connections by the gate's session id. */
  readonly live: Map<string, LiveConnection>;
  /** Sessions that announcements can be sent to, by the same id. */
  readonly notices: Map<string, NewsReceiver>;
  /** One view shared by all connections; valid within one call only. */
  readonly message: Message;
}

/** What connections call before they have a session (front-desk.ts). */
export interface Reception<Newcomer> {
  /** The first message. Its secrets are overwritten where they lie. @param deadline that its connection had for it, monotonic ms */
  receive(newcomer: Newcomer, message: Message, tokens: number, deadline: number): void;
  /** The first message is garbled, or too long to be a Logon. */
  garbled(newcomer: Newcomer): void;
  /** No Logon came in time, or no answer to it. */
  tooLate(newcomer: Newcomer, waitedFor: string): void;
}

/** The house together with the front desk: what a new connection is given. */
export interface OpenHouse<Newcomer> extends House {
  readonly frontDesk: Reception<Newcomer>;
}
