/**
 * What edges have put on the wire for each FIX session, whichever edge it was and whether anybody heard it: no number has two
 * contents, and what is sent again says so.
 */
import type { FixMessage } from '../../local/fix-client.ts';
import { contentOf, SESSION_TYPES } from './engine.ts';

export class Sent {
  /** By session, then by number. */
  readonly #contents = new Map<string, Map<number, string>>();

  /** One message, on a connection that is logged on. @returns what is wrong with it */
  note(message: FixMessage): string | undefined {
    if (SESSION_TYPES.has(message.type)) return undefined;
    const session = `${message.get(56)}/${message.get(57) ?? ''}`;
    const number = Number(message.get(34));
    const contents = this.#contents.get(session) ?? new Map<number, string>();
    this.#contents.set(session, contents);
    const content = contentOf(message);
    const before = contents.get(number);
    contents.set(number, content);
    if (before === undefined) return undefined;
    if (before !== content) return `${session} was sent ${number} with two contents: ${before} and ${content}`;
    return message.get(43) === 'Y' ? undefined : `${session} was sent ${number} again without PossDup: ${message}`;
  }
}
