/** A client of a run of chaos: wants to be logged on, comes back whatever ends its connection, trades, and notes what it hears. */
import { connect, type Socket } from 'node:net';
import { type Field, type FixMessage, utcTimestamp } from '../local/fix-client.ts';
import { FixState, Framer } from './fix-state.ts';
import type { AnswerKind, Asked, Attempt, OrderView, SessionLog } from './ledger.ts';

type Changing<T> = { -readonly [Name in keyof T]: T[Name] };

export interface TraderOptions {
  readonly log: SessionLog;
  readonly sender: string;
  readonly target: string;
  readonly password: string;
  readonly sub: string;
  /** HeartBtInt, s. */
  readonly heartbeat: number;
  /** Both numbers begin anew with each Logon. */
  readonly resets: boolean;
  /** Where it connects to: the number of an edge or 0 for the balancer, and the port. */
  readonly way: () => { readonly through: number; readonly port: number };
  /** 0 to 1. */
  readonly chance: () => number;
}

const HOST = '127.0.0.1';
/** Nothing for so many intervals: the line is dead. */
const SILENT_INTERVALS = 2.5;
const LOOK_MS = 1_000;
/** Longer than the gateway takes to say that it has no time. */
const ANSWER_WITHIN_MS = 12_000;
const RETRY_MS = 1_000;
const LATELY = 8;
/** Orders that rest at once; then they are cancelled. */
const RESTING = 4;
const QUANTITY = 10;
const OPEN = new Set(['0', '1', '6', 'A', 'E']);

export class Trader {
  readonly log: SessionLog;
  wanted = true;
  /** How often it sends, ms; 0: not by itself. */
  every = 0;
  readonly #options: TraderOptions;
  readonly #state: FixState;
  readonly #asked = new Map<string, Changing<Asked>>();
  /** By MsgSeqNum, for Rejects. */
  #bySeq = new Map<number, Changing<Asked>>();
  readonly #orders = new Map<string, OrderView & { status: string }>();
  readonly #executions = new Set<string>();
  #socket: Socket | undefined;
  #attempt: Changing<Attempt> | undefined;
  #on = false;
  #made = 0;
  #heardAt = 0;
  /** The last messages that came: when, and their MsgType (35). */
  #heardLately: { readonly at: number; readonly type: string }[] = [];
  #looking: NodeJS.Timeout | undefined;
  #trading: NodeJS.Timeout | undefined;
  #retrying: NodeJS.Timeout | undefined;
  #watchers: (() => void)[] = [];

  constructor(options: TraderOptions) {
    this.#options = options;
    this.log = options.log;
    const { sender, target, sub } = options;
    const heard = {
      application: (message: FixMessage) => this.#heard(message),
      rejected: (seq: number, text: string) => this.#settle(this.#bySeq.get(seq), 'reject', text),
    };
    this.#state = new FixState({ sender, target, sub }, options.log, heard, (raw) =>
      this.#socket?.write(raw, 'latin1'),
    );
  }

  get on(): boolean {
    return this.#on;
  }

  get #heartbeat(): number {
    return this.#options.heartbeat;
  }

  get sub(): string {
    return this.#options.sub;
  }

  /** SenderCompID/SenderSubID. */
  get id(): string {
    return `${this.#options.sender}/${this.#options.sub}`;
  }

  /** Orders that rest by what it was told. */
  get resting(): readonly OrderView[] {
    return [...this.#orders.values()].filter(({ status }) => OPEN.has(status));
  }

  /** What has no answer yet. */
  get waiting(): number {
    let count = 0;
    for (const { answered } of this.#asked.values()) if (answered === undefined) count += 1;
    return count;
  }

  /** MsgTypes (35) of what has come since; of the last ones. */
  heardSince(at: number): string[] {
    return this.#heardLately.filter((heard) => heard.at > at).map(({ type }) => type);
  }

  /** Called whenever something has changed: it is on or off, or an answer has come. */
  watch(told: () => void): () => void {
    this.#watchers.push(told);
    return () => {
      this.#watchers = this.#watchers.filter((one) => one !== told);
    };
  }

  /** Resolves when `holds` does, false after `ms`. */
  until(holds: () => boolean, ms: number): Promise<boolean> {
    if (holds()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const done = (held: boolean): void => {
        stop();
        clearTimeout(late);
        resolve(held);
      };
      const stop = this.watch(() => holds() && done(true));
      const late = setTimeout(() => done(false), ms);
    });
  }

  /** Comes and comes again until it is not wanted any more. */
  start(): void {
    this.wanted = true;
    this.#connect();
    this.#looking ??= setInterval(() => this.#look(), LOOK_MS);
    this.#trade();
  }

  /** Logs out, and does not come back. */
  stop(): void {
    this.wanted = false;
    for (const timer of [this.#looking, this.#trading, this.#retrying]) clearTimeout(timer);
    if (this.#on) this.#state.send('5');
    this.#socket?.end();
  }

  /** One Logon, without coming again: the text of its refusal; `accepted`, or empty when nothing was answered. */
  async tryOnce(): Promise<string> {
    this.wanted = false;
    this.#connect();
    const attempt = this.#attempt;
    await this.until(() => attempt?.answered !== undefined || attempt?.ended !== undefined, ANSWER_WITHIN_MS);
    const { answered } = attempt ?? {};
    if (answered === undefined) {
      this.#socket?.destroy();
      return '';
    }
    return answered.accepted ? 'accepted' : answered.text;
  }

  order(rests: boolean): Asked | undefined {
    const id = this.#newId('o');
    const fields: readonly Field[] = [
      [11, id],
      [21, 1],
      [38, QUANTITY],
      [40, rests ? 2 : 1],
      ...(rests ? ([[44, '1.00']] as const) : []),
      [54, 1],
      [55, 'INTC'],
      [59, rests ? 1 : 3],
      [60, utcTimestamp(new Date())],
    ];
    return this.#ask('order', id, 'D', fields);
  }

  cancel(order: OrderView): Asked | undefined {
    const id = this.#newId('c');
    return this.#ask('cancel', id, 'F', [
      [11, id],
      [41, order.id],
      [54, 1],
      [55, 'INTC'],
      [60, utcTimestamp(new Date())],
    ]);
  }

  status(order: OrderView): Asked | undefined {
    return this.#ask('status', order.id, 'H', [
      [11, order.id],
      [54, 1],
      [55, 'INTC'],
    ]);
  }

  /** Asks the venue for the state of orders that rest, and of the last ones. @returns how many it has not told yet */
  askVenue(): number {
    const all = [...this.#orders.values()];
    const unsaid = [...new Set([...this.resting, ...all.slice(-3)])].filter(({ said }) => said === undefined);
    for (const order of unsaid) this.status(order);
    return unsaid.length;
  }

  #newId(prefix: string): string {
    this.#made += 1;
    return `${prefix}-${this.#options.sub || 'main'}-${this.#made}`;
  }

  #ask(kind: Asked['kind'], id: string, type: string, fields: readonly Field[]): Asked | undefined {
    if (!this.#on) return undefined;
    const { generation } = this.#state;
    const asked: Changing<Asked> = { id, kind, at: performance.now(), generation };
    this.#asked.set(kind === 'status' ? `status ${id}` : id, asked);
    this.log.asked.push(asked);
    this.#bySeq.set(this.#state.send(type, fields), asked);
    return asked;
  }

  #connect(): void {
    const { way, resets } = this.#options;
    const { through, port } = way();
    const attempt: Changing<Attempt> = { at: performance.now(), through };
    this.#attempt = attempt;
    this.log.attempts.push(attempt);
    const socket = connect({ host: HOST, port, noDelay: true });
    this.#socket = socket;
    this.#heardAt = performance.now();
    const framer = new Framer();
    let logon = 0;
    socket.once('connect', () => {
      if (resets) this.#begin();
      this.#state.connected();
      logon = this.#logOn(resets);
    });
    socket.on('data', (chunk) => {
      for (const raw of framer.take(chunk)) this.#take(raw, attempt, logon);
    });
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#closed(socket, attempt));
  }

  #begin(): void {
    this.#state.beginAnew();
    this.#bySeq = new Map();
  }

  #logOn(resets: boolean): number {
    const { sender, password } = this.#options;
    return this.#state.send('A', [
      [98, 0],
      [108, this.#heartbeat],
      ...(resets ? ([[141, 'Y']] as const) : []),
      [553, sender],
      [554, password],
    ]);
  }

  #take(raw: string, attempt: Changing<Attempt>, logon: number): void {
    const now = performance.now();
    this.#heardAt = now;
    const type = /\x0135=([^\x01]*)/.exec(raw)?.[1] ?? '';
    this.#heardLately = [...this.#heardLately.slice(1 - LATELY), { at: now, type }];
    if (attempt.answered === undefined) {
      const accepted = type === 'A';
      const text = /\x0158=([^\x01]*)/.exec(raw)?.[1] ?? '';
      attempt.answered = { at: now, accepted, text };
      if (!accepted) {
        // It has used no number, and neither has its Logout.
        this.#state.takeBack(logon);
        this.#changed();
        return;
      }
      this.#on = true;
    }
    const message = this.#state.take(raw, now);
    if (message.type === '1') this.#state.send('0', [[112, message.get(112) ?? '']]);
    if (message.type === '5') {
      attempt.ended ??= { at: now, text: message.get(58) ?? 'Logout' };
      this.#on = false;
      this.#state.send('5');
      this.#socket?.end();
    }
    this.#changed();
  }

  #closed(socket: Socket, attempt: Changing<Attempt>): void {
    attempt.ended ??= { at: performance.now(), text: '' };
    if (this.#socket !== socket) return;
    this.#on = false;
    this.#changed();
    if (!this.wanted) return;
    const soon = RETRY_MS * (0.5 + this.#options.chance());
    this.#retrying = setTimeout(() => this.#connect(), soon);
  }

  /** A line that says nothing is cut; ours is kept from being one. */
  #look(): void {
    if (this.#attempt?.answered === undefined) {
      if (this.#socket !== undefined && performance.now() - this.#heardAt > ANSWER_WITHIN_MS) this.#socket.destroy();
      return;
    }
    if (!this.#on) return;
    if (performance.now() - this.#heardAt > SILENT_INTERVALS * this.#heartbeat * 1000) this.#socket?.destroy();
    else if (this.#options.chance() < LOOK_MS / (this.#heartbeat * 1000)) this.#state.send('0');
  }

  #trade(): void {
    const wait = this.every === 0 ? LOOK_MS : this.every * (0.5 + this.#options.chance());
    this.#trading = setTimeout(() => this.#trade(), wait);
    if (this.every === 0 || !this.#on) return;
    if (this.log.role === 'greedy') {
      this.order(false);
      return;
    }
    const { resting } = this;
    const oldest = resting[0];
    if (oldest !== undefined && resting.length >= RESTING) this.cancel(oldest);
    else this.order(this.#options.chance() < 0.6);
  }

  #heard(message: FixMessage): void {
    const kind = message.type;
    if (kind === 'j') {
      const text = message.get(58) ?? '';
      const now = text.includes('not accepted for the moment');
      // By number: an id may name an order and a question about it.
      this.#settle(this.#bySeq.get(Number(message.get(45))), now ? 'not_now' : 'limit', text);
    } else if (kind === '9') {
      this.#settle(this.#asked.get(message.get(11) ?? ''), 'cancel_reject', message.get(58) ?? '');
    } else if (kind === '8') this.#report(message);
    this.#changed();
  }

  #report(message: FixMessage): void {
    const own = message.get(11) ?? '';
    const id = message.get(41) ?? own;
    const cum = Number(message.get(14) ?? 0);
    const status = message.get(39) ?? '';
    if (message.get(150) === 'I') {
      this.#settle(this.#asked.get(`status ${own}`), 'report', '');
      const asked = this.#orders.get(own);
      if (asked !== undefined) asked.said = { cum, status };
      return;
    }
    this.#settle(this.#asked.get(own), 'report', message.get(58) ?? '');
    const order = this.#orders.get(id) ?? this.#newOrder(id);
    const exec = message.get(17) ?? '';
    if (message.get(150) === 'F' && !this.#executions.has(exec)) order.filled += Number(message.get(32) ?? 0);
    this.#executions.add(exec);
    order.cum = cum;
    order.status = status;
  }

  #newOrder(id: string): OrderView {
    const order: OrderView = { id, filled: 0, cum: 0, status: '' };
    this.#orders.set(id, order);
    this.log.orders.push(order);
    return order;
  }

  #settle(asked: Changing<Asked> | undefined, kind: AnswerKind, text: string): void {
    if (asked === undefined) return;
    asked.answered ??= { at: performance.now(), kind, text };
  }

  #changed(): void {
    for (const told of [...this.#watchers]) told();
  }
}
