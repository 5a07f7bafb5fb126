/** What a process says of itself: a defect that it has caught is one all the same. */
import type { Logger } from '../../edge/log.ts';
import type { Process } from '../process.ts';
import type { World } from '../world.ts';

/** Lines that tell why something came to be as it is. */
const TELLING = /has come from another edge|ha(s|ve) gone to another edge|linked to the venue|an edge is linked/;

/** @param defect by what such a line is known */
export function logOf(world: World, process: Process, defect: RegExp): Logger {
  const { name } = process;
  const tell = (level: string) => (fields: unknown, message?: string) => {
    // What is left of the event within which it was killed.
    if (!process.alive) return;
    const { error, ...more } = (typeof fields === 'object' ? fields : {}) as { error?: Error };
    const text = `${message ?? String(fields)}${error === undefined ? '' : `: ${error.stack ?? String(error)}`}`;
    if (level !== 'info' || TELLING.test(text))
      world.trace(name, () => `${level}: ${text.split('\n')[0]} ${JSON.stringify(more)}`);
    if (defect.test(text)) world.fail('no defects', `${name}: ${text}`);
  };
  const levels = ['debug', 'info', 'warn', 'error', 'fatal'].map((level) => [level, tell(level)]);
  return Object.fromEntries(levels) as Logger;
}
