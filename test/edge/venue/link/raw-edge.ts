/** An edge that speaks to the venue's process in frames. */
import { connect, type Socket } from 'node:net';
import * as frames from '../../../../edge/venue/link/frames.ts';
import type { VenueSession } from '../../../../edge/venue/venue.ts';
import { framed } from '../../fix/wire.ts';
import { until } from '../../support/desk.ts';

export interface Told {
  readonly number: number;
  readonly type: number;
  readonly head: unknown;
  readonly session: string;
  /** `35=8|37=…` without header and trailer. */
  readonly text: string;
}

/** An edge that keeps what it is told, and says what it is asked to. */
export class RawEdge {
  readonly reports: Told[] = [];
  hello: { log: string; received: number } | undefined;
  acked = 0;
  /** Times it was told that the venue is there. */
  beats = 0;
  closed = false;
  readonly #socket: Socket;
  readonly #unframer = new frames.Unframer();

  constructor(path: string, edge_id: string, more: object) {
    this.#socket = connect({ path });
    this.#socket.on('error', () => {});
    this.#socket.once('close', () => {
      this.closed = true;
    });
    this.#socket.on('data', (chunk) => {
      for (const frame of this.#unframer.add(chunk)) this.#hear(frame);
    });
    const hello = {
      version: 2,
      edge_id,
      boot: `${edge_id}-1`,
      log: `${edge_id}-log`,
      received: 0,
      stale: 0,
      present: [],
      ...more,
    };
    this.#socket.write(frames.frameOf(frames.HELLO, JSON.stringify(hello)));
  }

  send(type: number, number: number, head: object, message?: Buffer): void {
    const frame = frames.frameOf(type, JSON.stringify(head), message);
    frames.setNumber(frame, number);
    this.#socket.write(frame);
  }

  submit(number: number, session: VenueSession, text: string, more: object = {}): void {
    const head = { session, generation: 1, msg_seq_num: number, recovered: false, ...more };
    this.send(frames.SUBMIT, number, head, framed(`${text}|`));
  }

  ack(received: number): void {
    this.send(frames.ACK, 0, { received });
  }

  async told(count: number): Promise<readonly Told[]> {
    await until(`${count} reports`, () => this.reports.length >= count);
    return this.reports;
  }

  die(): void {
    this.#socket.destroy();
  }

  #hear({ type, number, head, body }: frames.Frame): void {
    if (type === frames.HELLO) this.hello = head as never;
    else if (type === frames.ALIVE) this.beats += 1;
    else if (type === frames.ACK) this.acked = (head as { received: number }).received;
    else {
      const text = body
        .toString('latin1')
        .replaceAll('\x01', '|')
        .replace(/^.*?\|35=/, '35=')
        .replace(/10=\d+\|$/, '');
      this.reports.push({ number, type, head, session: (head as { session?: VenueSession }).session?.id ?? '', text });
    }
  }
}

/** Of a report, among all on its session. */
export const numberOf = (told: Told | undefined): number =>
  (told?.head as { number?: number } | undefined)?.number ?? Number.NaN;

const head = '35=D|34=1|49=C|52=20260102-12:00:00.000|56=GW|';
export const rests = (id: string): string =>
  `${head}11=${id}|55=INTC|54=1|38=100|40=2|44=20.00|59=1|60=20260102-12:00:00.000`;
/** The same, sent again. */
export const late = (id: string): string => rests(id).replace('|49=', '|43=Y|122=20260102-12:00:00.000|49=');
export const cancels = (id: string, of: string): string =>
  `${head.replace('35=D', '35=F')}11=${id}|41=${of}|55=INTC|54=1|38=100|60=20260102-12:00:00.000`;

/** ExecTypes (150) of reports, types of what is none. */
export const kinds = (told: readonly Told[]): string[] =>
  told.map(({ text }) => /150=(.)/.exec(text)?.[1] ?? text.slice(0, 4));
