/**
 * Reads, writes and dollars of the store a month, by edges and users, from what deploy/scale-measure.ts has counted. docs/SCALE.md
 * has the tables, and what they do not tell.
 */
import { commitsOf, idleCommitsOf, PRICES, RECORDS_PER_SESSION, UNITS } from './cost.ts';

/** Capacity units of DynamoDB: reads of 4 KiB, writes of 1 KiB. */
export interface Units {
  readonly read: number;
  readonly write: number;
}

/** By `npm run scale`, rounded up; a second's worth where nothing else is said. Without journals. */
export const COUNTED = {
  /** Heartbeat, commands, policy, and the look at a few other edges. */
  edge: { read: 7.1, write: 1 },
  /** A live session that does nothing: less than the noise. */
  idle: { read: 0, write: 0 },
  /** An order of a user who sends less than one in a quarter of a second: tokens are asked for, filled up and given back. */
  seldom: { read: 0, write: 2.5 },
  /** An order of a user who sends ten a second. */
  often: { read: 0, write: 0.13 },
  /** A Logon that moves its session from another edge, and its end, without the audit. */
  session: { read: 15, write: 25.5 },
  /** Its three records, with four indexes each. */
  audit: { read: 0, write: RECORDS_PER_SESSION * UNITS.auditRecord.write },
  /** One edge's row in a list of all: read by announcements, locks of a tier and the admin API. */
  row: { read: 0.07, write: 0 },
  /** Commits of a journal in the store: of a session its Logon and its way from another edge, its end with what else there is; of an order what came and what the venue said. */
  commits: { session: 2.1, order: 2 },
} as const;

const DAY_S = 86_400;
const MONTH_DAYS = 30.4;
const TRADING_DAYS = 21;

/** Who does what. Of the users so many are there on a trading day. */
export interface Crowd {
  readonly users: number;
  readonly present: number;
  /** Begun by each on each trading day. */
  readonly sessions: number;
  /** Each. */
  readonly session_hours: number;
  /** Of those present: by hand, so many orders a day. */
  readonly hand_orders: number;
  /** The share that are machines, which send ten orders a second for so many seconds a day. */
  readonly machines: number;
  readonly machine_s: number;
}

/** A million users, of whom a tenth is there on a day; one in a hundred of those is a machine. */
export const MILLION: Crowd = {
  users: 1_000_000,
  present: 0.1,
  sessions: 2,
  session_hours: 4,
  hand_orders: 50,
  machines: 0.01,
  machine_s: 3_600,
};

export interface Month extends Units {
  /** Of the reads and writes. */
  readonly dollars: number;
}

const month = ({ read, write }: Units): Month => ({
  read,
  write,
  dollars: (read * PRICES.readUnits + write * PRICES.writeUnits) / 1e6,
});

const times = ({ read, write }: Units, by: number): Units => ({ read: read * by, write: write * by });

/** Of the edges, whatever they serve. */
export const ofEdges = (edges: number): Month => month(times(COUNTED.edge, edges * DAY_S * MONTH_DAYS));

/** Of the users, however many edges serve them. */
export function ofUsers(crowd: Crowd): Readonly<Record<'sessions' | 'audit' | 'by hand' | 'machines', Month>> {
  const present = crowd.users * crowd.present * TRADING_DAYS;
  const begun = present * crowd.sessions;
  const machines = present * crowd.machines;
  return {
    sessions: month(times(COUNTED.session, begun)),
    audit: month(times(COUNTED.audit, begun)),
    'by hand': month(times(COUNTED.seldom, (present - machines) * crowd.hand_orders)),
    machines: month(times(COUNTED.often, machines * crowd.machine_s * 10)),
  };
}

/** Of journals in the store, without `commit: reserve`: what comes while a commit is under way shares the next one. */
export function ofJournals(crowd: Crowd, edges: number): Month {
  const present = crowd.users * crowd.present * TRADING_DAYS;
  const sessions = present * crowd.sessions;
  const orders = present * (1 - crowd.machines) * crowd.hand_orders + present * crowd.machines * crowd.machine_s * 10;
  const turns = sessions * COUNTED.commits.session + orders * COUNTED.commits.order;
  const commits = commitsOf(turns, edges) + idleCommitsOf(sessions * crowd.session_hours, edges);
  return month({ read: 0, write: commits * UNITS.journalCommit.write });
}

const millions = (count: number): string => `${Math.round(count / 1e6).toLocaleString('en')} M`;
const dollars = (amount: number): string => `$${Math.round(amount).toLocaleString('en')}`;
const row = (what: string, { read, write, dollars: sum }: Month): string =>
  `| ${what} | ${millions(read)} | ${millions(write)} | ${dollars(sum)} |`;

/** The tables of docs/SCALE.md. */
export function tables(crowd: Crowd, edges: readonly number[]): string {
  const users = Object.entries(ofUsers(crowd));
  const all = users.reduce((sum, [, { dollars: one }]) => sum + one, 0);
  const head = ['| | reads | writes | a month |', '| --- | ---: | ---: | ---: |'];
  return [
    ...head,
    ...edges.map((count) => row(`${count.toLocaleString('en')} ${count === 1 ? 'edge' : 'edges'}`, ofEdges(count))),
    '',
    ...head,
    ...users.map(([what, found]) => row(what, found)),
    '',
    '| edges | users | both | journals in the store, besides |',
    '| ---: | ---: | ---: | ---: |',
    ...edges.map((count) => {
      const own = ofEdges(count).dollars;
      return `| ${count.toLocaleString('en')}: ${dollars(own)} | ${dollars(all)} | ${dollars(own + all)} | ${dollars(ofJournals(crowd, count).dollars)} |`;
    }),
  ].join('\n');
}
