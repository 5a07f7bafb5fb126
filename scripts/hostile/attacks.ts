/** The attacks of the harness. Each is bounded in time and in connections, and ends with all of its sockets closed. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Account, header, logon, message, order, PAYLOADS, type Payload } from './payloads.ts';

export interface Battlefield {
  readonly port: number;
  /** Good credentials of the attacker's own. */
  readonly accounts: readonly Account[];
}

export interface Attack {
  readonly name: string;
  run(field: Battlefield): Promise<void>;
}

export const SILENT = 'connections that say nothing, by the thousand';
export const FLOOD = 'a flood of Logons with wrong passwords';

const HOST = '127.0.0.1';
/** Longest part of an attack that is not a wait for the edge. */
const SECONDS = 4;
/** Connections that send at once. */
const AT_ONCE = 20;
/** How long each payload is sent over and over, one connection each time. */
const PAYLOAD_SECONDS = 1;
/** A connection that the edge does not close is closed after this. */
const PATIENCE_MS = 500;
/** Connections that are held: more than the lobby takes, and a third of what the edge takes in all. */
const HELD = 6000;
/** Opened in one go; the kernel's queue of those not accepted has room for more. */
const BURST = 500;
/** Messages in one write of a flood. */
const BATCH = 100;
/** So few sessions are beyond 4 MB within a second, and fill no disk, which the store shares with the edge here. */
const DEAF = { reads: false, width: 4 };
const EAGER = { reads: true, width: 20 };
/** A lane whose connection is gone looks again so often whether the time is over. */
const RETRY_MS = 100;

interface Peer {
  readonly socket: Socket;
  readonly closed: Promise<void>;
}

function dial(port: number): Peer {
  const socket = connect({ host: HOST, port, noDelay: true });
  socket.on('error', () => socket.destroy());
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return { socket, closed };
}

/** Reset, so that no port of ours is left waiting. */
const drop = ({ socket }: Peer): void => void socket.resetAndDestroy();

async function dropped(peers: readonly Peer[]): Promise<void> {
  for (const peer of peers) drop(peer);
  await Promise.all(peers.map(({ closed }) => closed));
}

/** Resolves with the first bytes heard, or when the connection is closed. */
const answer = ({ socket, closed }: Peer): Promise<unknown> =>
  Promise.race([new Promise((resolve) => socket.once('data', resolve)), closed]);

const patience = ({ closed }: Peer, ms = PATIENCE_MS): Promise<unknown> => Promise.race([closed, sleep(ms)]);

/** Runs `work` over and over, `width` of them side by side, until the time is over. */
async function repeated(width: number, seconds: number, work: (lane: number) => Promise<void>): Promise<void> {
  const until = performance.now() + seconds * 1000;
  const lane = async (i: number): Promise<void> => {
    while (performance.now() < until) await work(i);
  };
  await Promise.all(Array.from({ length: width }, (_, i) => lane(i)));
}

async function opened(port: number, count: number, first?: Buffer): Promise<Peer[]> {
  const peers: Peer[] = [];
  while (peers.length < count) {
    const burst = Array.from({ length: Math.min(BURST, count - peers.length) }, () => dial(port));
    if (first !== undefined) for (const { socket } of burst) socket.write(first);
    await Promise.all(burst.map((peer) => Promise.race([once(peer.socket, 'connect').catch(() => {}), peer.closed])));
    peers.push(...burst);
  }
  return peers;
}

/** A session of ours: each lane has an account of its own, or they would only refuse one another. */
async function enter({ port, accounts }: Battlefield, lane: number): Promise<Peer & { readonly account: Account }> {
  const account = accounts[lane % accounts.length]!;
  const peer = dial(port);
  const heard = answer(peer);
  peer.socket.write(logon(account));
  await heard;
  return { ...peer, account };
}

function sends(payload: Payload): Attack {
  const { afterLogon, bytes } = payload;
  return {
    name: `${payload.name}${afterLogon ? ', after Logon' : ''}`,
    run: (field) =>
      repeated(afterLogon ? field.accounts.length : AT_ONCE, PAYLOAD_SECONDS, async (lane) => {
        const peer = afterLogon ? await enter(field, lane) : dial(field.port);
        peer.socket.resume();
        peer.socket.write(bytes(field.accounts[lane % field.accounts.length]!));
        await patience(peer);
        drop(peer);
      }),
  };
}

/** Whole Logons and orders, cut into bytes. */
const byteByByte: Attack = {
  name: 'one byte at a time',
  run: async (field) => {
    const { port, accounts } = field;
    const slow = accounts.map(async (account) => {
      const peer = dial(port);
      peer.socket.resume();
      for (const byte of logon(account)) {
        peer.socket.write(Buffer.of(byte));
        await sleep(1);
      }
      const until = performance.now() + SECONDS * 1000;
      for (let n = 2; performance.now() < until && !peer.socket.destroyed; n++) {
        for (const byte of order(account, n, `b${n}`)) {
          peer.socket.write(Buffer.of(byte));
          if (byte === 1) await sleep(1);
        }
      }
      drop(peer);
    });
    await Promise.all(slow);
  },
};

const held = (name: string, first: (account: Account) => Buffer | undefined): Attack => ({
  name,
  run: async ({ port, accounts }) => {
    const peers = await opened(port, HELD, first(accounts[0]!));
    await sleep(1000);
    await dropped(peers);
  },
});

const churn: Attack = {
  name: 'connections opened and closed',
  run: ({ port }) =>
    repeated(50, SECONDS, async () => {
      const peer = dial(port);
      await Promise.race([once(peer.socket, 'connect').catch(() => {}), peer.closed]);
      drop(peer);
      await peer.closed;
    }),
};

/** As fast as they are refused, so many side by side. */
const logonFlood = (name: string, width: number, claim: (account: Account, i: number) => Account): Attack => ({
  name,
  run: ({ port, accounts }) => {
    let i = 0;
    return repeated(width, SECONDS, async () => {
      const peer = dial(port);
      peer.socket.resume();
      i += 1;
      peer.socket.write(logon(claim(accounts[i % accounts.length]!, i)));
      await patience(peer, 5000);
      drop(peer);
    });
  },
});

/** Good Logons of few accounts, many side by side: each wants the session that another has. */
const duplicates: Attack = {
  name: 'a flood of good Logons for the same sessions',
  run: (field) =>
    repeated(100, SECONDS, async (lane) => {
      const peer = await enter(field, lane % 2);
      await patience(peer, 50);
      drop(peer);
    }),
};

/** Messages in turn, as fast as the edge takes them, on a session an account; the accounts' tier allows orders at this rate. */
const flood = (
  name: string,
  { reads, width }: { readonly reads: boolean; readonly width: number },
  make: (account: Account, n: number) => Buffer,
): Attack => ({
  name,
  run: async (field) => {
    const peers = await Promise.all(field.accounts.slice(0, width).map((_, lane) => enter(field, lane)));
    for (const { socket } of peers) reads ? socket.resume() : socket.pause();
    const next = peers.map(() => 2);
    await repeated(peers.length, SECONDS, async (lane) => {
      const { socket, account, closed } = peers[lane]!;
      const batch = Array.from({ length: BATCH }, () => make(account, next[lane]!++));
      const room = socket.destroyed || socket.write(Buffer.concat(batch));
      if (room) await sleep(socket.destroyed ? RETRY_MS : 0);
      else await Promise.race([once(socket, 'drain').catch(() => {}), closed, sleep(SECONDS * 1000)]);
    });
    await dropped(peers);
  },
});

const wrong = (account: Account): Account => ({ ...account, password: 'wrong' });
const unknown = (account: Account, i: number): Account => ({ ...account, sender_comp_id: `NOBODY${i}` });
const testRequest = (account: Account, n: number): Buffer => message([...header(account, '1', n), [112, n]]);
const resendAll = (account: Account, n: number): Buffer => message([...header(account, '2', n), [7, 1], [16, 0]]);
const long = 'x'.repeat(400);

export const ATTACKS: readonly Attack[] = [
  ...PAYLOADS.map(sends),
  byteByByte,
  held(SILENT, () => undefined),
  held('half a Logon and no more, by the thousand', (account) => logon(account).subarray(0, 60)),
  churn,
  logonFlood(FLOOD, 200, wrong),
  logonFlood('a flood of Logons of unknown names', 200, unknown),
  logonFlood('a thousand bad Logons at once', 1000, unknown),
  duplicates,
  flood('readers who never read', DEAF, (account, n) => order(account, n, `s${n}`, [[58, long]])),
  flood('readers who never read, asking for resends', DEAF, (account, n) =>
    n < 1000 ? order(account, n, `s${n}`) : resendAll(account, n),
  ),
  flood('a flood of TestRequests', EAGER, testRequest),
  flood('a flood of ResendRequests', EAGER, resendAll),
  flood('a flood of bad orders', EAGER, (account, n) => order(account, n, 'x', [[999, 'no such tag']])),
];
