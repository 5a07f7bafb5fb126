/** A process of its own for attacks: told one over IPC, says when it is over. Others go first where processors are few. */
import { setPriority } from 'node:os';
import { ATTACKS, type Battlefield } from './attacks.ts';

const LAST = 19;

/** Asked of the process. */
export interface Order {
  readonly attack: string;
  readonly field: Battlefield;
}
/** Its answer. */
export interface Fought {
  readonly error?: string;
}

setPriority(LAST);
process.on('message', async ({ attack, field }: Order) => {
  let fought: Fought = {};
  try {
    const found = ATTACKS.find(({ name }) => name === attack);
    if (found === undefined) throw new Error(`there is no attack "${attack}"`);
    await found.run(field);
  } catch (error) {
    fought = { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  process.send?.(fought);
});
process.on('disconnect', () => process.exit(0));
