/**
 * A crowd of FIX clients, a process of its own: all log on at once, send heartbeats, answer what they have to, and come
 * again where they are cut. It is told what to do by crowd-process.ts. Right as far as sessions without orders need it.
 */
import { connect, type Socket } from 'node:net';
import { encodeFix, type Field, utcTimestamp } from '../local/fix-client.ts';
import type { Ask, CrowdMember, Said } from './crowd-process.ts';
import { eachMessage } from './replies.ts';

const HOST = '127.0.0.1';
const HEARTBEAT_S = 30;
/** Heartbeats of all are spread over their interval in steps of this. */
const STEP_MS = 100;
/** Engines come again after a second or more, */
const RETRY_MS = 1_000;
/** and give up a Logon that is not answered within this. */
const ANSWERED_WITHIN_MS = 10_000;

const now = (): number => performance.timeOrigin + performance.now();

/** The first value of a field in [from, end) as a number; NaN: there is none. */
function numberOf(chunk: Buffer, field: string, from: number, end: number): number {
  const at = chunk.indexOf(field, from, 'latin1');
  if (at < 0 || at >= end) return Number.NaN;
  return Number.parseInt(chunk.toString('latin1', at + field.length, Math.min(end, at + field.length + 12)), 10);
}

class Client {
  readonly who: CrowdMember;
  state: 'out' | 'asked' | 'in' = 'out';
  /** Of the last {@link come}. */
  askedAt = 0;
  /** Logons since the last ask for a storm, answered or not. */
  logons = 0;
  inAt = 0;
  cutAt = 0;
  /** Whether it was told to go, by a Logout of its session. */
  told = false;
  #nextOut = 1;
  #port = 0;
  #resets = true;
  #socket: Socket | undefined;
  #rest: Buffer | undefined;

  constructor(who: CrowdMember) {
    this.who = who;
  }

  /** @param resets whether numbers begin anew (ResetSeqNumFlag) */
  come(port: number, resets: boolean): void {
    this.#port = port;
    this.#resets = resets;
    if (resets) this.#nextOut = 1;
    this.#rest = undefined;
    this.state = 'asked';
    this.askedAt = now();
    const socket = connect({ port, host: HOST, noDelay: true });
    this.#socket = socket;
    socket.on('connect', () => this.#logOn());
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('close', () => {
      if (this.#socket === socket) this.#closed();
    });
  }

  /** Hangs up, so that {@link come} is called again. */
  giveUp(): void {
    this.#socket?.destroy();
  }

  leave(): void {
    this.#resets = true;
    if (this.state === 'in') this.send('5');
    else this.#socket?.destroy();
  }

  send(type: string, fields: readonly Field[] = [], number = this.#nextOut++): void {
    const { sender, target } = this.who;
    const header: readonly Field[] = [
      [35, type],
      [34, number],
      [49, sender],
      [52, utcTimestamp(new Date())],
      [56, target],
    ];
    this.#socket?.write(encodeFix('FIX.4.4', [...header, ...fields]), 'latin1');
  }

  #logOn(): void {
    const { sender, password } = this.who;
    this.logons++;
    this.send('A', [
      [98, 0],
      [108, HEARTBEAT_S],
      [141, this.#resets ? 'Y' : 'N'],
      [553, sender],
      [554, password],
    ]);
  }

  #closed(): void {
    const { state } = this;
    this.#socket = undefined;
    this.state = 'out';
    if (state === 'in') this.cutAt = now();
    left(this, state === 'asked' ? this.#port : undefined);
  }

  #take(read: Buffer): void {
    const chunk = this.#rest === undefined ? read : Buffer.concat([this.#rest, read]);
    const from = eachMessage(chunk, (type, at, end) => this.#message(String.fromCharCode(type), chunk, at, end));
    this.#rest = from < chunk.length ? chunk.subarray(from) : undefined;
  }

  #message(type: string, chunk: Buffer, from: number, end: number): void {
    switch (type) {
      case 'A':
        this.state = 'in';
        this.inAt = now();
        look();
        return;
      case '1': {
        const id = numberOf(chunk, '\x01112=', from, end);
        this.send('0', Number.isNaN(id) ? [] : [[112, id]]);
        return;
      }
      case '2': {
        // Nothing but what belongs to the session has been sent: all of it is passed over.
        const first = numberOf(chunk, '\x017=', from, end);
        const next = this.#nextOut;
        this.send(
          '4',
          [
            [43, 'Y'],
            [123, 'Y'],
            [36, next],
          ],
          first,
        );
        return;
      }
      case '5':
        // Of a session: it is answered, and the other side closes. Of a refusal: it is closed already.
        if (this.state !== 'in') return;
        this.told = true;
        this.send('5');
        return;
    }
  }
}

let clients: readonly Client[] = [];
/** Where those go who are cut; none: nowhere. */
let havens: readonly number[] = [];
let turn = 0;
interface Waiting {
  readonly until: (client: Client) => boolean;
  readonly say: () => void;
}
/** What the parent waits for, of every client. */
let waiting: Waiting | undefined;
let leaving = false;
let missing = 0;
let changed = 0;

const isIn = ({ state }: Client): boolean => state === 'in';
const isOut = ({ state }: Client): boolean => state === 'out';
/** Logons are counted from zero when they are told where to come back to. */
const isBack = ({ state, logons }: Client): boolean => state === 'in' && logons > 0;

function waitFor(until: Waiting['until'], say: () => void): void {
  waiting = { until, say };
  missing = 0;
  look();
}

/** Looking at all costs as much as there are, and each one changes: so only when so many have as were missing. */
function look(): void {
  if (waiting === undefined || ++changed < missing) return;
  const { until, say } = waiting;
  changed = 0;
  missing = clients.filter((client) => !until(client)).length;
  if (missing > 0) return;
  waiting = undefined;
  say();
}

/** @param asked where it asked to be let in, and was not */
function left(client: Client, asked: number | undefined): void {
  look();
  if (leaving || (asked === undefined && havens.length === 0)) return;
  const port = havens.length === 0 ? asked : havens[turn++ % havens.length];
  setTimeout(() => client.come(port as number, havens.length === 0), RETRY_MS);
}

const say = (said: Said): void => void process.send?.(said);

const figures = (): Said => ({
  type: 'in',
  in_at: clients.map(({ inAt }) => inAt),
  cut_at: clients.map(({ cutAt }) => cutAt),
  logons: clients.map(({ logons }) => logons),
  told: clients.filter(({ told }) => told).length,
});

process.on('message', (ask: Ask) => {
  switch (ask.do) {
    case 'be':
      clients = ask.members.map((member) => new Client(member));
      say({ type: 'done' });
      return;
    case 'storm': {
      havens = [];
      leaving = false;
      for (const client of clients) client.logons = 0;
      waitFor(isIn, () => say(figures()));
      clients.forEach((client, i) => {
        client.come(ask.ports[i % ask.ports.length] as number, true);
      });
      return;
    }
    case 'comeback':
      havens = ask.ports;
      for (const client of clients) {
        client.logons = 0;
        client.told = false;
        if (client.state === 'out') left(client, undefined);
      }
      say({ type: 'done' });
      return;
    case 'back':
      waitFor(isBack, () => say(figures()));
      return;
    case 'leave':
      havens = [];
      leaving = true;
      waitFor(isOut, () => say({ type: 'done' }));
      for (const client of clients) client.leave();
      return;
  }
});
process.on('disconnect', () => process.exit(0));

let next = 0;
let due = 0;
setInterval(() => {
  for (due += (clients.length * STEP_MS) / (HEARTBEAT_S * 1000); due >= 1; due--) {
    const client = clients[next++ % clients.length];
    if (client?.state === 'in') client.send('0');
  }
  const late = now() - ANSWERED_WITHIN_MS;
  for (const client of clients) if (client.state === 'asked' && client.askedAt < late) client.giveUp();
}, STEP_MS);
