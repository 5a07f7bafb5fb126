/** A venue that sends D and d back, as the acceptance scripts want it, and lets tests make reports at will. */
import type { Message } from '../../../edge/fix/message.ts';
import { msgTypeCode, Tag } from '../../../edge/fix/tags.ts';
import type { SubmitContext, Venue, VenueSession, VenueSink } from '../../../edge/venue/venue.ts';

const BODY = 1;

export class TestEcho implements Venue {
  readonly name = 'test-echo';
  readonly mark = undefined;
  readonly pending = false;
  readonly sealed = false;
  readonly sessions = new Map<string, VenueSession>();
  readonly submitted: string[] = [];
  readonly #sink: VenueSink;
  readonly #seen = new Map<string, Set<string>>();

  constructor(sink: VenueSink) {
    this.#sink = sink;
  }

  supports(msgType: number): boolean {
    return (
      msgType === msgTypeCode('D') ||
      msgType === msgTypeCode('d') ||
      msgType === msgTypeCode('F') ||
      msgType === msgTypeCode('G')
    );
  }

  submit(message: Message, { session, dictionary }: SubmitContext): void {
    const clOrdId = message.text(message.index(Tag.ClOrdID));
    const seen = this.#seen.get(session.id);
    if (message.flag(message.possResend) && seen?.has(clOrdId)) return;
    seen?.add(clOrdId);
    this.submitted.push(clOrdId);
    const body = this.#sink.open(session, message.msgType);
    if (message.possResend >= 0) body.copy(message, message.possResend);
    for (let i = 3; i < message.count; i++) if (dictionary.zone(message.tags[i]!) === BODY) body.copy(message, i);
    this.#sink.close();
  }

  /** An ExecutionReport to a session, whether its client is there or not. */
  report(id: string, text: string): void {
    const session = this.sessions.get(id);
    if (session === undefined) throw new Error(`no session ${id}`);
    this.#sink.open(session, msgTypeCode('8')).text(Tag.Text, text);
    this.#sink.close();
  }

  sessionStarted(session: VenueSession): void {
    this.sessions.set(session.id, session);
    this.#seen.set(session.id, new Set());
  }

  sessionEnded(): void {}

  resting(): VenueSession[] {
    return [];
  }

  cancelAll(): void {}

  massCancel(): void {}

  tick(): number {
    return Number.POSITIVE_INFINITY;
  }

  flush(): void {}

  seal(): void {}

  async close(): Promise<void> {}
}
