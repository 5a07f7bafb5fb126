/** What a defect can change, each before or behind a port. */
import type { Journal } from '../edge/journal/journal.ts';
import type { SessionState } from '../edge/journal/session-state.ts';
import type { Syncs } from '../edge/syncs.ts';
import type { Mailroom } from '../edge/venue/link/mailroom.ts';
import type { Venue } from '../edge/venue/venue.ts';
import type { FixMessage } from '../local/fix-client.ts';
import type { Process } from './process.ts';
import type { Tamper } from './store/client.ts';
import type { StorePorts } from './wiring.ts';

export interface Mutation {
  readonly name: string;
  /** What is wrong with the product then. */
  readonly what: string;
  /** The promise that is found broken, as a rule. */
  readonly breaks: string;
  /** Changes what is asked of the store. */
  readonly tamper?: Tamper;
  /** Changes the ports of an edge. */
  readonly ports?: (ports: StorePorts, process: Process) => StorePorts;
  /** Changes the journal of an edge. */
  readonly journal?: (journal: Journal, process: Process) => Journal;
  /** Changes what is read of a session in the journal of another edge. */
  readonly estate?: (state: SessionState | undefined) => SessionState | undefined;
  /** Changes the venue as an edge has it. */
  readonly venue?: (venue: Venue, process: Process) => Venue;
  /** Changes a venue where it is, in the process of an edge or in one of its own. */
  readonly exchange?: (venue: Venue, process: Process) => Venue;
  /** Changes what a process finds on its disk when it begins. @param start names the last start of the machine */
  readonly boot?: (directory: string, start: string) => void;
  /** Changes how an edge gets what it has written onto the disk. */
  readonly syncs?: (syncs: Syncs, process: Process) => Syncs;
  /** Changes the mailboxes of the venue that edges share. */
  readonly mailroom?: (mailroom: Mailroom, process: Process) => Mailroom;
  /** Changes what an edge says to its clients, message by message. */
  readonly wire?: (message: FixMessage) => string;
  /** Changes what an edge hears of its clients, message by message. */
  readonly hears?: (message: FixMessage) => string;
  /** Changes the ports of the admin's functions. */
  readonly adminPorts?: (ports: StorePorts, process: Process) => StorePorts;
}
