/**
 * What edges have put on the wire for each FIX session, whichever edge it was and whether anybody heard it: no number has two
 * contents, what is sent again says so, and whoever has the session has it in its journal.
 */
import { type FixMessage, SESSION_TYPES } from '../../local/fix-client.ts';
import type { Answered, Begun, Calendar } from './calendar.ts';
import { contentOf } from './engine.ts';

/** What the journal of an edge has of a session. */
export interface Kept {
  /** How often its numbers have begun anew. */
  readonly generation: number;
  readonly nextOut: number;
  /** The application message of this number. */
  message(number: number): FixMessage | undefined;
}

/** An edge that speaks. */
export interface Speaker {
  readonly name: string;
  /** Undefined: it is not there at the moment, or has not begun. */
  kept(session: string): Kept | undefined;
}

const BUSINESS_REJECT = 'j';
const REJECT = '3';

interface Said {
  readonly content: string;
  readonly by: string;
  /** It has been sent as what it is, and not only again. */
  readonly outright: boolean;
}

/** A connection that is logged on. */
export interface Stream {
  /** What its numbers are of, once its Logon is answered. */
  told?: Told;
}

/** All of a session since its numbers began. */
interface Told {
  readonly begun: Begun;
  /** As the journal of who began it has it. */
  readonly generation: number | undefined;
  readonly said: Map<number, Said>;
  /** Numbers of the client's messages that an edge has refused by itself. */
  readonly refused: Set<number>;
  /** The same by a Reject, which the session layer sends once: it is gap-filled when it is asked for again. */
  readonly rejected: Set<number>;
  /** Numbers since the last Logon was answered. */
  fresh: number[];
  /** Who answered that… */
  holder: Speaker | undefined;
  /** …and where. */
  stream: Stream;
}

const differs = (one: number | undefined, other: number | undefined): boolean =>
  one !== undefined && other !== undefined && one !== other;

export class Sent {
  /** As their numbers are now. */
  readonly #sessions = new Map<string, Told>();
  /** Executions by the numbers that they were first told under. */
  readonly #executions = new Map<string, Told>();
  /** Orders whose end by time has been told. */
  readonly #expired = new Set<string>();
  /** Whether a woken edge may still say what the one that has its session has passed over. */
  readonly #ahead: boolean;

  readonly #calendar: Calendar;

  constructor(ahead: boolean, calendar: Calendar) {
    this.#ahead = ahead;
    this.#calendar = calendar;
  }

  /** One message, on a connection that is logged on. @param at of its Logon @returns what is wrong with it */
  note(by: Speaker, message: FixMessage, stream: Stream, at: Answered): string | undefined {
    const session = `${message.get(8)}|${message.get(49)}|${message.get(56)}|${message.get(57) ?? ''}`;
    if (message.type === 'A') return this.#answered(session, by, message, stream, at);
    const record = stream.told;
    if (record === undefined) return `${session} is told something before its Logon is answered: ${message}`;
    return this.#told(session, record, by, message, stream);
  }

  #answered(session: string, by: Speaker, message: FixMessage, stream: Stream, at: Answered): string | undefined {
    const before = this.#sessions.get(session);
    const generation = by.kept(session)?.generation;
    // The answer with which they began may have been lost with its edge.
    const anew = before !== undefined && (Number(message.get(34)) === 1 || differs(before.generation, generation));
    const wrong = before && this.#calendar.wrong(message, at, before.begun, anew);
    if (before === undefined || anew) {
      const begun = this.#calendar.begun(message, at, before?.begun);
      const none = { said: new Map(), refused: new Set<number>(), rejected: new Set<number>(), fresh: [] };
      stream.told = { begun, generation, ...none, holder: by, stream };
      this.#sessions.set(session, stream.told);
      return wrong && `${session} at ${by.name}: ${wrong}: ${message}`;
    }
    stream.told = before;
    const missing = this.#missing(session, before, by, before.fresh);
    before.fresh = [];
    before.holder = by;
    before.stream = stream;
    return wrong === undefined ? missing : `${session} at ${by.name}: ${wrong}: ${message}`;
  }

  #told(session: string, record: Told, by: Speaker, message: FixMessage, stream: Stream): string | undefined {
    if (message.type === REJECT) record.rejected.add(Number(message.get(45)));
    if (SESSION_TYPES.has(message.type)) return undefined;
    if (message.type === BUSINESS_REJECT) record.refused.add(Number(message.get(45)));
    const number = Number(message.get(34));
    const content = contentOf(message);
    const before = record.said.get(number);
    const again = message.get(43) === 'Y';
    record.said.set(number, { content, by: by.name, outright: !again || before?.outright === true });
    record.fresh.push(number);
    const old = this.#ofBefore(session, record, message);
    if (old !== undefined) return old;
    // Numbers that begin anew elsewhere leave a connection, too.
    const left = record.stream !== stream || record !== this.#sessions.get(session);
    if (before === undefined) return left ? this.#missing(session, record, record.holder, [number]) : undefined;
    if (before.content !== content)
      return `${session} was sent ${number} with two contents: ${before.content} and ${content}`;
    // What was committed before the session went on elsewhere is the same there, and comes late on a connection that was left.
    if (again || (left && !before.outright)) return undefined;
    return `${session} was sent ${number} again without PossDup: ${message}`;
  }

  /** An execution that was told before the numbers began anew is of before, and comes under none of the new ones unsaid. */
  #ofBefore(session: string, record: Told, message: FixMessage): string | undefined {
    const execution = message.get(17);
    if (message.type !== '8' || execution === undefined || message.get(150) === 'I') return undefined;
    if (message.get(150) === 'C') this.#expired.add(message.get(37) ?? '');
    const key = `${session} ${execution}`;
    const first = this.#executions.get(key) ?? record;
    this.#executions.set(key, first);
    if (first === record || message.get(97) === 'Y' || message.get(43) === 'Y') return undefined;
    return `${session} was told ${execution} before its numbers began anew, and is told it under ${message.get(34)}: ${message}`;
  }

  /** Whether the end of this order by time has been put on the wire. @param order OrderID */
  hasExpired(order: string): boolean {
    return this.#expired.has(order);
  }

  /** Whether a message of the client may never be answered: its refusal is told once only, or went with a machine. */
  mayBeUnanswered(session: string, number: number): boolean {
    const told = this.#sessions.get(session);
    return told?.rejected.has(number) === true || (this.#ahead && told?.refused.has(number) === true);
  }

  /** At the end. @returns what those that have the sessions do not know */
  settle(): string | undefined {
    for (const [session, record] of this.#sessions) {
      const wrong = this.#missing(session, record, record.holder, record.said.keys());
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }

  #missing(session: string, told: Told, holder: Speaker | undefined, numbers: Iterable<number>): string | undefined {
    const { said, generation } = told;
    const kept = this.#ahead ? undefined : holder?.kept(session);
    if (kept === undefined || told !== this.#sessions.get(session)) return undefined;
    if (generation !== undefined && kept.generation !== generation) {
      // They have begun anew, and the answer that says so is on its way.
      if (kept.generation > generation) return undefined;
      return `${session} is at generation ${generation}, and ${holder?.name}, which has it, at ${kept.generation}`;
    }
    for (const number of numbers) {
      const { content, by } = said.get(number)!;
      const found = number < kept.nextOut ? kept.message(number) : undefined;
      if (found === undefined || contentOf(found) !== content) {
        const what = found === undefined ? 'nothing' : contentOf(found);
        return `${by} has sent ${session} ${number}, ${content}; ${holder?.name}, which has the session, has ${what} there and goes on with ${kept.nextOut}`;
      }
    }
    return undefined;
  }
}
