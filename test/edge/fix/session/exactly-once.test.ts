import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { GAP_RETRY_MS } from '../../../../edge/fix/session/limits.ts';
import { at, loggedOn, order, type Peer } from './harness.ts';

/** What the way does to one transmission. */
type Fate = 'arrives' | 'lost' | 'overtaken' | 'twice';

/** An initiator that keeps its side of the protocol over a way that does not. */
class Client {
  readonly peer: Peer;
  readonly orders: string[] = [];
  private readonly sent: string[] = [];
  private readonly fates: Fate[];
  private held: string | undefined;

  constructor(peer: Peer, fates: readonly Fate[]) {
    this.peer = peer;
    this.fates = [...fates];
  }

  /** Sends the next message: an order, or a Heartbeat. */
  send(kind: 'order' | 'heartbeat'): void {
    const n = this.sent.length + 2;
    const fields = kind === 'order' ? order(n) : `35=0|34=${n}`;
    if (kind === 'order') this.orders.push(`35=D|34=${n}|11=ID${n}`);
    this.sent.push(fields);
    this.transmit(fields, this.possDup(n));
    this.answer();
  }

  private possDup(n: number): string {
    const fields = this.sent[n - 2]!;
    if (fields.startsWith('35=0')) return `35=4|34=${n}|43=Y|122=${at(0)}|36=${n + 1}|123=Y`;
    return fields.replace(`|34=${n}|`, `|34=${n}|43=Y|122=${at(0)}|`);
  }

  private transmit(fields: string, again: string): void {
    switch (this.fates.shift() ?? 'arrives') {
      case 'lost':
        return;
      case 'overtaken':
        this.release();
        this.held = fields;
        return;
      case 'twice':
        this.peer.feed(fields);
        this.peer.feed(again);
        break;
      case 'arrives':
        this.peer.feed(fields);
    }
    this.release();
  }

  private release(): void {
    const { held } = this;
    this.held = undefined;
    if (held !== undefined) this.peer.feed(held);
  }

  /** Serves ResendRequests until there are none. */
  answer(): void {
    for (let rounds = 0; ; rounds++) {
      if (rounds > 200) throw new Error('it never ends');
      const requests = this.peer.heard().filter((one) => one.startsWith('35=2'));
      if (requests.length === 0) return;
      this.release(); // what was overtaken has come by the time the client answers
      for (const request of requests) {
        const from = Number(/\|7=(\d+)/.exec(request)![1]);
        const to = Number(/\|16=(\d+)/.exec(request)![1]);
        const last = this.sent.length + 1;
        for (let n = from; n <= (to === 0 ? last : to); n++) this.transmit(this.possDup(n), this.possDup(n));
      }
    }
  }

  settle(): void {
    this.fates.length = 0;
    this.release();
    this.answer();
  }
}

const fate = fc.constantFrom<Fate>('arrives', 'lost', 'overtaken', 'twice');

describe('over a way that loses, repeats and reorders', () => {
  test.each([0, 1, 3])('every order is delivered exactly once and in order (chunks of %d)', (chunk) => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom<'order' | 'heartbeat'>('order', 'order', 'heartbeat'), { maxLength: 25 }),
        fc.array(fate, { maxLength: 60 }),
        (kinds, fates) => {
          const peer = loggedOn({ profile: { resend_request_chunk_size: chunk } });
          peer.echo = false;
          const client = new Client(peer, fates);
          for (const kind of kinds) client.send(kind);
          client.settle();
          // The end of a resend may have been lost: the next message shows it, at the latest after the time to retry.
          for (let i = 0; i < 2; i++) {
            peer.time = { epochMs: peer.time.epochMs, monoMs: peer.time.monoMs + GAP_RETRY_MS };
            client.send('heartbeat');
          }
          expect(peer.closed).toBeUndefined();
          expect(peer.delivered).toEqual(client.orders);
          expect(peer.store.nextIn).toBe(kinds.length + 4);
        },
      ),
      { numRuns: 400 },
    );
  });

  test('our own messages too reach a client that reconnects and asks, exactly once each number', () => {
    const event = fc.constantFrom<'send' | 'heartbeat' | 'break' | 'ask'>('send', 'send', 'heartbeat', 'break', 'ask');
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), fc.boolean(), (events, knows) => {
        const peer = loggedOn();
        let sent = 0;
        let clientOut = 2;
        let clientIn = 2;
        const got: string[] = [];
        const listen = () => {
          for (const one of peer.heard()) {
            const n = Number(/\|34=(\d+)/.exec(one)![1]);
            if (n > clientIn) return true; // a gap, as the client sees it: it takes nothing before it is filled
            const fill = /\|36=(\d+)\|123=Y/.exec(one);
            if (n < clientIn) continue;
            clientIn = fill === null ? n + 1 : Number(fill[1]);
            const id = /\|11=(\w+)/.exec(one);
            if (id !== null) got.push(id[1]!);
          }
          return false;
        };
        const catchUp = () => {
          for (let i = 0; listen(); i++) {
            if (i > 5) throw new Error('the client never catches up');
            peer.feed(`35=2|34=${clientOut++}|7=${clientIn}|16=0`);
            peer.pass(1000);
          }
        };
        for (const what of events) {
          if (what === 'send') peer.send(`35=8|11=R${sent++}`);
          else if (what === 'heartbeat') peer.feed(`35=1|34=${clientOut++}|112=x`);
          else if (what === 'ask') catchUp();
          else {
            peer.disconnect(); // what was on its way is lost
            if (sent % 2 === 0) peer.send(`35=8|11=R${sent++}`);
            const next = knows ? `|789=${clientIn}` : '';
            expect(peer.logon(`35=A|34=${clientOut++}|98=0|108=30${next}`).accepted).toBe(true);
          }
        }
        peer.pass(1000);
        peer.feed(`35=1|34=${clientOut++}|112=end`);
        catchUp();
        expect(got).toEqual(Array.from({ length: sent }, (_, i) => `R${i}`));
        expect(clientIn).toBe(peer.store.nextOut);
      }),
      { numRuns: 300 },
    );
  });
});

test('whatever is fed, the session neither throws nor goes back', () => {
  const tag = fc.constantFrom(
    7,
    16,
    36,
    43,
    49,
    52,
    56,
    58,
    98,
    108,
    112,
    115,
    122,
    123,
    141,
    789,
    369,
    11,
    55,
    0,
    9999,
  );
  const value = fc.oneof(
    fc.constantFrom('Y', 'N', '', '0', '-1', '2147483647', '9'.repeat(30), 'TW', 'ISLD', at(0), at(500), '\x00', 'é'),
    fc.nat(40).map(String),
  );
  const message = fc.tuple(
    fc.constantFrom('0', '1', '2', '3', '4', '5', 'A', 'D', '8', '*', 'ZZZZZ'),
    fc.oneof(fc.nat(12).map(String), fc.constantFrom('', '-3', '99999999999999999999', 'x')),
    fc.array(fc.tuple(tag, value), { maxLength: 5 }),
  );
  fc.assert(
    fc.property(fc.array(message, { maxLength: 40 }), (messages) => {
      const peer = loggedOn();
      peer.echo = false;
      for (const [type, n, fields] of messages) {
        const { generation, nextIn, nextOut } = peer.store;
        peer.feed(`35=${type}|34=${n}|${fields.map(([t, v]) => `${t}=${v}`).join('|')}`);
        peer.pass(100);
        if (peer.store.generation !== generation) continue;
        expect(peer.store.nextIn).toBeGreaterThanOrEqual(nextIn);
        expect(peer.store.nextOut).toBeGreaterThanOrEqual(nextOut);
      }
      const numbers = peer
        .heard()
        .filter((one) => !one.includes('|43=Y') && !one.startsWith('35=A'))
        .map((one) => Number(/\|34=(\d+)/.exec(one)![1]));
      if (peer.store.generation === 0) expect(numbers).toEqual(numbers.map((_, i) => i + 2));
    }),
    { numRuns: 500 },
  );
});
