/** Edges and the venue they share as child processes, kept alive. */

import { openSync } from 'node:fs';
import { join } from 'node:path';
import { LogLines, lostLine } from '../adapters/node/log-lines.ts';
import {
  type EdgeReady,
  type KeptEvents,
  type KeptProcess,
  keep,
  type Program,
  samePorts,
} from '../edge/kept-process.ts';

export type { KeptProcess };

export interface EdgeProcess extends KeptProcess {
  readonly ready: EdgeReady;
}

/** Starts the edge; rejects with its last words when it does not get ready. @param logFile appended to */
export async function startEdge(env: NodeJS.ProcessEnv, logFile: string, events: KeptEvents): Promise<EdgeProcess> {
  const { ready, kept } = await keep<EdgeReady>(program('the edge', 'main.ts', env, logFile, events), samePorts);
  return Object.assign(kept, { ready });
}

/** Starts the venue that edges share, likewise. */
export async function startVenue(env: NodeJS.ProcessEnv, logFile: string, events: KeptEvents): Promise<KeptProcess> {
  const venue = program('the venue', join('venue', 'main.ts'), env, logFile, events);
  return (await keep<{ readonly type: 'ready' }>(venue, () => ({}))).kept;
}

function program(what: string, script: string, env: NodeJS.ProcessEnv, logFile: string, events: KeptEvents): Program {
  const stdout = openSync(logFile, 'a', 0o600);
  const stderr = new LogLines(stdout, lostLine({ service: 'fixgate-edge' }));
  return { what, script: join(import.meta.dirname, '..', 'edge', script), env, stdout, stderr, events };
}
