/**
 * What explains a broken promise: the logs of all processes, and beside them what was broken and what clients saw, with the same
 * clock. Logs are bounded while the run goes on, the rest when it is written.
 */
import { copyFileSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AdminAct, Fault, Sample, SessionLog } from './ledger.ts';
import { LOG_BYTES, MESSAGE_LINES } from './limits.ts';

/** What is known of a run at any time of it. */
export interface Seen {
  readonly sessions: readonly SessionLog[];
  readonly faults: readonly Fault[];
  readonly acts: readonly AdminAct[];
  readonly samples: readonly Sample[];
}

interface Event {
  /** Ms, of the ledger's clock. */
  readonly at: number;
  readonly what: string;
  readonly [more: string]: unknown;
}

const EARLIER = '.1';

/** Keeps each log to its last {@link LOG_BYTES}, or twice that: what is older is moved aside once, then lost. */
export function boundLogs(directory: string): void {
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (name.endsWith(EARLIER) || statSync(path).size <= LOG_BYTES) continue;
    // Whoever writes it has it open for appending, and goes on at its new end.
    copyFileSync(path, path + EARLIER);
    truncateSync(path, 0);
  }
}

/**
 * Writes `events.jsonl` (faults, an operator's acts, Logons and ends of connections), `edges.jsonl` (each second of each edge by its
 * metrics) and `messages.jsonl` (what was asked and what came), each sorted by time, of the latter two the last {@link MESSAGE_LINES}.
 * @param origin when the ledger's clock was 0, ms since 1970
 */
export function writeEvents(directory: string, seen: Seen, origin: number): void {
  const write = (name: string, events: readonly Event[]): void =>
    writeFileSync(join(directory, name), events.map((event) => `${lineOf(event, origin)}\n`).join(''));
  write('events.jsonl', sorted([...ofFaults(seen), ...ofActs(seen), ...seen.sessions.flatMap(ofConnections)]));
  write('edges.jsonl', seen.samples.slice(-MESSAGE_LINES).map(ofSample));
  write('messages.jsonl', sorted(seen.sessions.flatMap(ofMessages)).slice(-MESSAGE_LINES));
}

const sorted = (events: Event[]): Event[] => events.sort((a, b) => a.at - b.at);

const lineOf = ({ at, ...more }: Event, origin: number): string =>
  JSON.stringify({ time: new Date(origin + at).toISOString(), ...more });

const ofFaults = ({ faults }: Seen): Event[] =>
  faults.flatMap(({ kind, edge, from, to, healed }) => [
    { at: from, what: 'fault begins', kind, edge },
    { at: to, what: 'fault ends', kind, edge },
    ...(healed === undefined ? [] : [{ at: healed, what: 'all are back', kind, edge }]),
  ]);

const ofActs = ({ acts }: Seen): Event[] =>
  acts.map(({ at, kind, user, status, done, missed }) => ({
    at,
    what: 'act',
    kind,
    user,
    status,
    ms: Math.round(done - at),
    missed,
  }));

const ofConnections = ({ name, sender_comp_id, attempts }: SessionLog): Event[] =>
  attempts.flatMap(({ at, through, answered, ended }, i) => {
    const who = { session: name, sender_comp_id, connection: i + 1 };
    return [
      { at, what: 'connects', ...who, through },
      ...(answered === undefined
        ? []
        : [
            {
              at: answered.at,
              what: answered.accepted ? 'logged on' : 'refused',
              ...who,
              ms: Math.round(answered.at - at),
              text: answered.text,
            },
          ]),
      ...(ended === undefined ? [] : [{ at: ended.at, what: 'connection ends', ...who, text: ended.text }]),
    ];
  });

const ofSample = ({ at, edge, figures }: Sample): Event => ({
  at,
  what: figures === undefined ? 'does not answer' : 'tells',
  edge,
  ...figures,
});

const ofMessages = ({ name, received, asked }: SessionLog): Event[] => [
  ...asked.map(({ at, kind, id, answered }) => ({
    at,
    what: 'asks',
    session: name,
    kind,
    id,
    ...(answered && { answer: answered.kind, ms: Math.round(answered.at - at), text: answered.text }),
  })),
  ...received.map(({ at, generation, seq, poss_dup, content }) => ({
    at,
    what: 'hears',
    session: name,
    generation,
    seq,
    poss_dup,
    content,
  })),
];
