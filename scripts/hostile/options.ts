/** What `npm run hostile` is asked. */
import { Command, InvalidArgumentError } from 'commander';
import { ATTACKS, type Attack } from './attacks.ts';

const MOST_TRIES = 100;

export interface Asked {
  readonly attacks: readonly Attack[];
  /** The best of so many counts. */
  readonly tries: number;
  /** Whether product and bystander go ahead of what else the machine does, where it lets them. */
  readonly precedence: boolean;
}

function tries(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= MOST_TRIES) return value;
  throw new InvalidArgumentError(`it is to be a number from 1 to ${MOST_TRIES}.`);
}

/** A part of a name, and with those before it. */
function named(part: string, before: readonly string[] = []): readonly string[] {
  if (ATTACKS.some(({ name }) => name.includes(part))) return [...before, part];
  throw new InvalidArgumentError(
    `no attack has that in its name. They are:\n  ${ATTACKS.map((a) => a.name).join('\n  ')}`,
  );
}

/** A command that has not read its arguments. */
export const command = (): Command =>
  new Command('hostile')
    .description('Plays attacks against the product while a session trades, and holds the edge to its bounds.')
    .option('--only <part...>', 'attacks with one of these in their names; left out: all', named)
    .option('--tries <n>', 'the best of so many counts', tries, 1)
    .option('--no-precedence', 'product and bystander as any other process: where others are at work on the machine')
    .allowExcessArguments(false);

/** @param args without the program's name. Ends the process with a line that says why where they are wrong, unless told otherwise */
export function asked(args: readonly string[], how: Command = command()): Asked {
  const opts = how
    .parse(args, { from: 'user' })
    .opts<{ only?: readonly string[]; tries: number; precedence: boolean }>();
  const { only, tries, precedence } = opts;
  const attacks = ATTACKS.filter(({ name }) => only === undefined || only.some((part) => name.includes(part)));
  return { attacks, tries, precedence };
}
