/**
 * What a month costs, from prices with their date and from the calls that the product makes: test/deploy/cost.test.ts counts
 * those. US dollars, us-east-1, on demand, without taxes, free tiers and data transfer to clients.
 */

import { RENEW_WITHIN_MS, SESSION_LEVEL_NUMBERS } from '../edge/journal/limits.ts';

/** Prices of 2026, us-east-1. */
export const PRICES = {
  /** Of a million. */
  writeUnits: 0.625,
  readUnits: 0.125,
  restCalls: 3.5,
  s3Puts: 5,
  lambdaCalls: 0.2,
  /** Each, a month. */
  kmsKey: 1,
  secret: 0.4,
  alarm: 0.1,
  metric: 0.3,
  dashboard: 3,
  webAcl: 5,
  webRule: 1,
  /** Of ten thousand. */
  kmsSymmetric: 0.03,
  kmsSign: 0.15,
  /** An hour. */
  balancer: 0.0225,
  balancerUnit: 0.006,
  vcpuArm: 0.0324,
  memoryGbArm: 0.00356,
  endpoint: 0.01,
  /** A gigabyte: of functions a second. */
  lambdaGbSecondArm: 0.0000133334,
  logs: 0.5,
  storedRows: 0.25,
  storedObjects: 0.023,
} as const;

/** Units of DynamoDB that each thing takes; a record of the audit has four indexes. */
export const UNITS = {
  /** A record below a kilobyte in a transaction, and in four indexes; those of provisions and of the policy are twice as long. */
  auditRecord: { write: 2 + 4, read: 0 },
  /**
   * validateLogon and registerSession: eight reads; four rows and two checks in a transaction, the credential once. The fourth, who
   * speaks for the session, is written where that is another edge than before: behind a balancer, most times.
   */
  logon: { write: 4 * 2 + 2 * 2 + 1, read: 8 },
  /** Three rows, in a transaction where several end together; where the numbers stand. */
  sessionEnd: { write: 6, read: 0 },
  /**
   * What a session takes besides that moves between edges: a question and its answer, its parcel, who has it now. Behind a balancer
   * it comes to each of them as often.
   */
  move: { write: 6, read: 5 },
  /** One exchange of tokens. */
  lease: { write: 1, read: 0 },
  /** Of an edge's journal in the store, below a kilobyte: the fence that it checks, and its piece. */
  journalCommit: { write: 2 * 2, read: 0 },
  /** Heartbeat, and the looks at commands, policy and other edges. */
  edgeSecond: { write: 1, read: 7 },
} as const;
/** Records of the audit of one session: logon, start, end. */
export const RECORDS_PER_SESSION = 3;

/** A commit waits for the one before: so the faster messages come, the more go in one. An answer of DynamoDB to a transaction. */
const COMMIT_S = 0.006;
const SESSION_HOURS = 8;
/** What a Heartbeat is numbered by is written each time that half a block of numbers is used, and waits for others. */
const HEARTBEAT_S = 30;
const BEATS_PER_COMMIT = SESSION_LEVEL_NUMBERS / 2;
const RENEW_S = RENEW_WITHIN_MS / 1000;

export interface Usage {
  /** Where edges keep their journals: each commit to the store is paid, one to a disk is not. */
  readonly journal: 'store' | 'file';
  readonly users: number;
  /** Begun in a month. */
  readonly sessions: number;
  /** From clients, in a month. */
  readonly messages: number;
  readonly edges: number;
  /** Of an edge. */
  readonly vcpu: number;
  readonly memoryGb: number;
  readonly zones: number;
  /** Calls of the admin API in a month. */
  readonly adminCalls: number;
}

export interface CostLine {
  readonly what: string;
  readonly dollars: number;
  readonly how: string;
}

const HOURS = 730;
const SECONDS = HOURS * 3600;
const MILLION = 1_000_000;
/** An edge asks for tokens at most about ten times a second and user; slow traders ask for nearly every message. */
const LEASES_PER_MESSAGE = 0.5;
/** Of lib/edge-stack.ts: ECR, its registry, logs, KMS, Secrets Manager. */
const ENDPOINTS = 5;
const BYTES_PER_MESSAGE = 200;
const CANARY_SESSIONS = SECONDS / 60;

export const DEFAULTS: Omit<Usage, 'users' | 'sessions' | 'messages'> = {
  edges: 2,
  vcpu: 1,
  memoryGb: 2,
  zones: 2,
  adminCalls: 10_000,
  journal: 'store',
};

/** Commits of all journals in a month. */
export function journalCommits({ journal, sessions, messages, edges }: Usage): number {
  if (journal === 'file') return 0;
  // A message, then what the venue says of it.
  return commitsOf(2 * messages, edges) + idleCommitsOf(sessions * SESSION_HOURS, edges);
}

/** Of so many turns in a month, on so many edges: what comes within `shareS` shares a commit. */
export function commitsOf(turns: number, edges: number, shareS = COMMIT_S): number {
  const rate = turns / SECONDS / edges;
  return (rate / (1 + rate * shareS)) * edges * SECONDS;
}

/** Of sessions that are there so many hours in a month, and say nothing. */
export const idleCommitsOf = (hours: number, edges: number): number =>
  commitsOf((hours * 3600) / HEARTBEAT_S / BEATS_PER_COMMIT, edges, RENEW_S);

function journalLine(usage: Usage): CostLine {
  const commits = journalCommits(usage);
  return {
    what: 'journals in the store',
    dollars: ((commits * UNITS.journalCommit.write) / MILLION) * PRICES.writeUnits,
    how: usage.journal === 'file' ? 'on the disks of tasks' : `${(commits / MILLION).toFixed(1)} M commits`,
  };
}

/** Lines of a month's bill, largest first. */
export function monthly(usage: Usage): readonly CostLine[] {
  const { users, sessions, messages, edges, vcpu, memoryGb, zones, adminCalls } = usage;
  const all = sessions + CANARY_SESSIONS * edges;
  const records = all * RECORDS_PER_SESSION + adminCalls / 2;
  const sum = (kind: 'write' | 'read'): number =>
    all * (UNITS.logon[kind] + UNITS.sessionEnd[kind]) +
    all * (1 - 1 / edges) * UNITS.move[kind] +
    records * UNITS.auditRecord[kind] +
    messages * LEASES_PER_MESSAGE * UNITS.lease[kind] +
    edges * SECONDS * UNITS.edgeSecond[kind] +
    adminCalls * 20;
  const p = PRICES;
  const units = Math.max(1, (messages * 2 * BYTES_PER_MESSAGE) / 1e9 / HOURS, users / 100_000);
  const gb = (records * 2 * 5) / 1e6;
  const minute = SECONDS / 60;
  const lines: CostLine[] = [
    {
      what: 'edges (Fargate, arm64)',
      dollars: edges * HOURS * (vcpu * p.vcpuArm + memoryGb * p.memoryGbArm),
      how: `${edges} × ${vcpu} vCPU, ${memoryGb} GB`,
    },
    { what: 'balancer', dollars: HOURS * (p.balancer + units * p.balancerUnit), how: `${units.toFixed(1)} NLCU` },
    {
      what: 'interface endpoints',
      dollars: ENDPOINTS * zones * HOURS * p.endpoint,
      how: `${ENDPOINTS} in ${zones} zones`,
    },
    {
      what: 'DynamoDB writes',
      dollars: (sum('write') / MILLION) * p.writeUnits,
      how: `${(sum('write') / MILLION).toFixed(1)} M units`,
    },
    journalLine(usage),
    {
      what: 'DynamoDB reads',
      dollars: (sum('read') / MILLION) * p.readUnits,
      how: `${(sum('read') / MILLION).toFixed(1)} M units`,
    },
    {
      what: 'audit kept, a month of it',
      dollars: gb * p.storedRows + (records / 1e6) * p.storedObjects,
      how: `${(records / MILLION).toFixed(2)} M records, table and archive`,
    },
    { what: 'archive: puts', dollars: (records / MILLION) * p.s3Puts, how: 'one a record' },
    {
      what: 'KMS',
      dollars: 5 * p.kmsKey + (minute / 10_000) * p.kmsSign + (records / 10_000) * p.kmsSymmetric * 0.01,
      how: '5 keys, a signature a minute',
    },
    {
      what: 'admin API',
      dollars: (adminCalls / MILLION) * (p.restCalls + p.lambdaCalls) + p.webAcl + 2 * p.webRule,
      how: `${adminCalls} calls, web ACL`,
    },
    {
      what: 'functions',
      dollars: (2 * minute + records / 20) * 0.5 * 0.5 * p.lambdaGbSecondArm + ((2 * minute) / MILLION) * p.lambdaCalls,
      how: 'canary, checkpoints, archive',
    },
    {
      what: 'watching',
      dollars: 40 * p.alarm + 30 * p.metric + p.dashboard,
      how: '40 alarms, 30 metrics, a dashboard',
    },
    { what: 'logs', dollars: ((edges * minute * 1500 + all * 1000) / 1e9) * p.logs, how: '' },
    { what: 'secrets', dollars: 3 * p.secret, how: '' },
  ];
  return lines.toSorted((a, b) => b.dollars - a.dollars);
}

export const total = (lines: readonly CostLine[]): number => lines.reduce((sum, { dollars }) => sum + dollars, 0);
