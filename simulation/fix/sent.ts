/**
 * What edges have put on the wire for each FIX session, whichever edge it was and whether anybody heard it: no number has two
 * contents, what is sent again says so, and whoever has the session has it in its journal.
 */
import { type FixMessage, SESSION_TYPES } from '../../local/fix-client.ts';
import { contentOf } from './engine.ts';

/** What the journal of an edge has of a session. */
export interface Kept {
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

interface Told {
  readonly said: Map<number, Said>;
  /** Numbers of the client's messages that an edge has refused by itself. */
  readonly refused: Set<number>;
  /** The same by a Reject, which the session layer sends once: it is gap-filled when it is asked for again. */
  readonly rejected: Set<number>;
  /** Numbers since the last Logon was answered. */
  fresh: number[];
  /** Who answered that. */
  holder: Speaker | undefined;
}

export class Sent {
  readonly #sessions = new Map<string, Told>();
  /** Whether a woken edge may still say what the one that has its session has passed over. */
  readonly #ahead: boolean;

  constructor(ahead: boolean) {
    this.#ahead = ahead;
  }

  /** One message, on a connection that is logged on. @returns what is wrong with it */
  note(by: Speaker, message: FixMessage): string | undefined {
    const session = `${message.get(8)}|${message.get(49)}|${message.get(56)}|${message.get(57) ?? ''}`;
    const record: Told = this.#sessions.get(session) ?? {
      said: new Map(),
      refused: new Set(),
      rejected: new Set(),
      fresh: [],
      holder: undefined,
    };
    this.#sessions.set(session, record);
    if (message.type === 'A') {
      const wrong = this.#missing(session, record, by, record.fresh);
      record.fresh = [];
      record.holder = by;
      return wrong;
    }
    if (message.type === REJECT) record.rejected.add(Number(message.get(45)));
    if (SESSION_TYPES.has(message.type)) return undefined;
    if (message.type === BUSINESS_REJECT) record.refused.add(Number(message.get(45)));
    const number = Number(message.get(34));
    const content = contentOf(message);
    const before = record.said.get(number);
    const again = message.get(43) === 'Y';
    record.said.set(number, { content, by: by.name, outright: !again || before?.outright === true });
    record.fresh.push(number);
    const left = record.holder !== by;
    if (before === undefined) return left ? this.#missing(session, record, record.holder, [number]) : undefined;
    if (before.content !== content)
      return `${session} was sent ${number} with two contents: ${before.content} and ${content}`;
    // What an edge had committed before it lost the session is the same there, and comes late on a connection that was left.
    if (again || (left && !before.outright)) return undefined;
    return `${session} was sent ${number} again without PossDup: ${message}`;
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

  #missing(
    session: string,
    { said }: Told,
    holder: Speaker | undefined,
    numbers: Iterable<number>,
  ): string | undefined {
    const kept = this.#ahead ? undefined : holder?.kept(session);
    if (kept === undefined) return undefined;
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
