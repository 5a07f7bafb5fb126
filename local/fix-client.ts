/** A small FIX initiator for the demo, the benchmarks and the tests: right, readable, not fast. */
import { createHmac, type KeyObject, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

const SOH = '\x01';
/** MsgTypes of the session layer: never sent again, a resend fills them with a gap. */
export const SESSION_TYPES: ReadonlySet<string> = new Set(['0', '1', '2', '3', '4', '5', 'A']);
export type Field = readonly [tag: number, value: string | number];

/** One received message: its fields in order. */
export class FixMessage {
  readonly fields: readonly Field[];
  readonly raw: string;

  constructor(raw: string) {
    this.raw = raw;
    this.fields = raw
      .split(SOH)
      .filter((part) => part !== '')
      .map((part): Field => {
        const mark = part.indexOf('=');
        return [Number(part.slice(0, mark)), part.slice(mark + 1)];
      });
  }

  /** The first value of a tag; undefined when absent. */
  get(tag: number): string | undefined {
    const field = this.fields.find(([name]) => name === tag);
    return field === undefined ? undefined : String(field[1]);
  }

  get type(): string {
    return this.get(35) ?? '';
  }

  /** `|` for SOH. */
  toString(): string {
    return readable(this.raw);
  }
}

/** `|` for SOH, passwords masked. */
export function readable(raw: string): string {
  return raw.replaceAll(SOH, '|').replace(/\|(554|925|96)=[^|]*/g, '|$1=********');
}

/** How a Logon proves itself: by a password in 554, or by a signature in 96. */
export type ClientProof =
  | { readonly type: 'password'; readonly password: string }
  | { readonly type: 'hmac_sha256'; readonly secret: string }
  /** `private_key`: PEM (PKCS#8) or what node:crypto makes of it. */
  | { readonly type: 'ed25519'; readonly private_key: string | KeyObject; readonly key_id?: string };

/** The fields of a signed Logon that its signature is over, as they will stand on the wire. */
export interface Signed {
  readonly sender: string;
  readonly target: string;
  readonly number: number | string;
  /** SendingTime (52). */
  readonly at: string;
}

/** The fields that prove a Logon. */
export function proofFields(proof: ClientProof, { sender, target, number, at }: Signed): readonly Field[] {
  switch (proof.type) {
    case 'password':
      return [
        [553, sender],
        [554, proof.password],
      ];
    case 'hmac_sha256': {
      const prehash = [at, 'A', number, sender, target].join(SOH);
      return rawData(createHmac('sha256', proof.secret).update(prehash).digest('base64'));
    }
    case 'ed25519': {
      const prehash = ['A', sender, target, number, at].join(SOH);
      const signature = sign(null, Buffer.from(prehash, 'latin1'), proof.private_key).toString('base64');
      const named: readonly Field[] = proof.key_id === undefined ? [] : [[553, proof.key_id]];
      return [...rawData(signature), ...named];
    }
  }
}

const rawData = (value: string): readonly Field[] => [
  [95, value.length],
  [96, value],
];

export interface FixClientOptions {
  readonly host: string;
  readonly port: number;
  readonly sender: string;
  readonly target: string;
  readonly begin_string?: string;
  readonly sender_sub_id?: string;
  /** Given: over TLS, to whom this PEM file vouches for. */
  readonly ca_file?: string | undefined;
  /** Opens the way there, where it is another. */
  dial?(): Promise<Socket>;
  /** Sees every message: '>' sent, '<' received. */
  onMessage?(direction: '>' | '<', raw: string): void;
}

/** UTCTimestamp with milliseconds. */
export function utcTimestamp(at: Date): string {
  const iso = at.toISOString();
  return `${iso.slice(0, 10).replaceAll('-', '')}-${iso.slice(11, 23)}`;
}

/** A whole message: BodyLength and CheckSum are added. `fields` begins with 35. */
export function encodeFix(beginString: string, fields: readonly Field[]): string {
  const body = fields.map(([tag, value]) => `${tag}=${value}${SOH}`).join('');
  const head = `8=${beginString}${SOH}9=${Buffer.byteLength(body, 'latin1')}${SOH}${body}`;
  let sum = 0;
  for (const byte of Buffer.from(head, 'latin1')) sum += byte;
  return `${head}10=${String(sum % 256).padStart(3, '0')}${SOH}`;
}

/** Connects; whoever takes the socket listens for its errors from then on. */
export function dialTcp(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true }, () => {
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

/** Connects over TLS to whoever has the certificate in the file, or one that it has issued: what its name is does not matter. */
export function dialTls(host: string, port: number, caFile: string): Promise<Socket> {
  const ca = readFileSync(caFile);
  const checkServerIdentity = () => undefined;
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host, port, ca, allowPartialTrustChain: true, checkServerIdentity }, () => {
      socket.off('error', reject);
      socket.setNoDelay(true);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

type Waiter = { readonly wants: (message: FixMessage) => boolean; readonly resolve: (message: FixMessage) => void };

export class FixClient {
  /** The next outbound MsgSeqNum. */
  nextOut = 1;
  /** False: as one that hangs. */
  answersTestRequests = true;
  /** Everything received on this connection, in order. */
  readonly received: FixMessage[] = [];
  readonly #options: FixClientOptions;
  #socket: Socket | undefined;
  #buffer = '';
  #waiters: Waiter[] = [];
  #taken = new Set<FixMessage>();
  #closed: Promise<void> = Promise.resolve();

  constructor(options: FixClientOptions) {
    this.#options = options;
  }

  /** Opens the connection. Heartbeats are not sent by themselves; TestRequests are answered. */
  async connect(): Promise<void> {
    const { host, port, dial, ca_file } = this.#options;
    const plain = () => (ca_file === undefined ? dialTcp(host, port) : dialTls(host, port, ca_file));
    const socket = await (dial ?? plain)();
    this.#socket = socket;
    this.#buffer = '';
    this.#closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => this.#take(chunk.toString('latin1')));
  }

  /**
   * Connects, sends a Logon and answers what comes back first: a Logon, or the Logout of a refusal.
   * @param proof a text is a password
   * @throws when no answer comes within `ms`
   */
  async logon(proof: string | ClientProof, extra: readonly Field[] = [], ms = 5000): Promise<FixMessage> {
    await this.connect();
    const { sender, target } = this.#options;
    const by: ClientProof = typeof proof === 'string' ? { type: 'password', password: proof } : proof;
    const at = utcTimestamp(new Date());
    const proved = proofFields(by, { sender, target, number: this.nextOut, at });
    this.send('A', [[98, 0], [108, 30], ...proved, ...extra], [], at);
    return this.next((message) => message.type === 'A' || message.type === '5', ms);
  }

  /** Sends one message under the session's header and the next number. Answers its number. */
  send(
    type: string,
    fields: readonly Field[] = [],
    header: readonly Field[] = [],
    at = utcTimestamp(new Date()),
  ): number {
    const number = this.nextOut;
    this.nextOut += 1;
    const sub: readonly Field[] = this.#options.sender_sub_id === undefined ? [] : [[50, this.#options.sender_sub_id]];
    this.sendRaw(
      encodeFix(this.#options.begin_string ?? 'FIX.4.4', [
        [35, type],
        [34, number],
        [49, this.#options.sender],
        ...sub,
        [52, at],
        [56, this.#options.target],
        ...header,
        ...fields,
      ]),
    );
    return number;
  }

  sendRaw(raw: string): void {
    this.#options.onMessage?.('>', raw);
    this.#socket?.write(raw, 'latin1');
  }

  /** The first message not yet taken by another call that is wanted. @throws when none comes within `ms` */
  next(wants: (message: FixMessage) => boolean, ms = 5000): Promise<FixMessage> {
    const there = this.received.find((message) => !this.#taken.has(message) && wants(message));
    if (there !== undefined) {
      this.#taken.add(there);
      return Promise.resolve(there);
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        reject(new Error(`no such message within ${ms} ms; received so far: ${this.received.map(String).join(' ')}`));
      }, ms);
      const waiter: Waiter = {
        wants,
        resolve: (message) => {
          clearTimeout(timer);
          resolve(message);
        },
      };
      this.#waiters.push(waiter);
    });
  }

  /** Resolves when the connection is closed, by either side. @throws when it is not within `ms` */
  async closed(ms = 5000): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`the connection was not closed within ${ms} ms`)), ms);
    });
    await Promise.race([this.#closed, late]).finally(() => clearTimeout(timer));
  }

  /** Logout, then waits for the end of the connection. */
  async logout(): Promise<void> {
    this.send('5');
    await this.closed();
  }

  destroy(): void {
    this.#socket?.destroy();
  }

  #take(text: string): void {
    this.#buffer += text;
    for (;;) {
      const mark = this.#buffer.indexOf(`${SOH}10=`);
      const end = mark < 0 ? -1 : this.#buffer.indexOf(SOH, mark + 1);
      if (end < 0) return;
      const raw = this.#buffer.slice(0, end + 1);
      this.#buffer = this.#buffer.slice(end + 1);
      this.#options.onMessage?.('<', raw);
      this.#arrived(new FixMessage(raw));
    }
  }

  #arrived(message: FixMessage): void {
    this.received.push(message);
    if (message.type === '1' && this.answersTestRequests) this.send('0', [[112, message.get(112) ?? '']]);
    const waiter = this.#waiters.find((candidate) => candidate.wants(message));
    if (waiter === undefined) return;
    this.#taken.add(message);
    this.#waiters = this.#waiters.filter((other) => other !== waiter);
    waiter.resolve(message);
  }
}
