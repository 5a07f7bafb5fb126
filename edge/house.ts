/** What all connections of an edge share. */

import type { Gate } from '../core/sessions/api.ts';
import type { Attendance } from './attendance.ts';
import type { Blocks } from './blocks.ts';
import type { EdgeConfig } from './config.ts';
import type { Connection } from './connection.ts';
import type { Dictionaries } from './dictionaries.ts';
import type { Message } from './fix/message.ts';
import type { FrontDesk } from './front-desk.ts';
import type { Guest, Lobby } from './lobby.ts';
import type { Logger, StrangerLog } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { Notices } from './notices.ts';
import type { Profiles } from './profiles.ts';
import type { Sessions } from './sessions.ts';
import type { Mover } from './takeover/mover.ts';
import type { Ask } from './takeover/neighbours.ts';
import type { Turns } from './turn.ts';
import type { Venue } from './venue/venue.ts';
import type { Wheel } from './wheel.ts';

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
  /** Those that have not logged on. */
  readonly lobby: Lobby<Guest>;
  readonly frontDesk: FrontDesk;
  readonly ask: Ask;
  readonly mover: Mover;
  readonly blocks: Blocks;
  /** By the gate's session id. */
  readonly live: Map<string, Connection>;
  /** Likewise: who can be told something. */
  readonly notices: Map<string, Notices>;
  /** One view serves all connections: it is used within one call only. */
  readonly message: Message;
}
