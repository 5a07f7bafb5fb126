/**
 * `npm start`: the whole product on one machine. Starts the embedded store, makes the tables, serves the admin API with
 * the deployed lambda handlers behind a local gateway, runs the edge, and ends all of it together.
 */

import { parseSettings, SettingError } from './settings.ts';
import { StartFailed, start } from './supervisor.ts';

/** Runs until a signal, the end of the parent, or a start that fails. Answers the exit code. */
export async function main(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  try {
    const parsed = parseSettings(argv, env);
    if (parsed.kind === 'help') {
      process.stdout.write(parsed.text);
      return 0;
    }
    const stop = whenToStop();
    const running = await start(parsed.settings, env, stop);
    const why = await stop;
    process.stdout.write(`\nfixgate stops: ${why}\n`);
    await running.stop();
    process.stdout.write('fixgate stopped\n');
    return 0;
  } catch (error) {
    if (error instanceof SettingError || error instanceof StartFailed) {
      process.stderr.write(`fixgate cannot start: ${error.message}\n`);
      return 2;
    }
    throw error;
  }
}

/** Resolves with the reason: a signal, or the end of the process that started us. */
function whenToStop(): Promise<string> {
  const parent = process.ppid;
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve(signal));
    setInterval(() => {
      if (process.ppid !== parent) resolve('the process that started it is gone');
    }, 250).unref();
  });
}
