// What the tool that plays attacks is asked for on its command line.
import { expect, test } from '@jest/globals';
import { CommanderError } from 'commander';
import { ATTACKS } from '../../scripts/hostile/attacks.ts';
import { asked, command } from '../../scripts/hostile/options.ts';

function refusal(args: readonly string[]): string {
  let said = '';
  const quiet = command()
    .exitOverride()
    .configureOutput({ writeErr: (text) => (said += text) });
  expect(() => asked(args, quiet)).toThrow(CommanderError);
  return said;
}
const names = (args: readonly string[]): string[] => asked(args).attacks.map(({ name }) => name);

test('left alone it plays all attacks once, ahead of what else the machine does', () => {
  expect(asked([])).toEqual({ attacks: ATTACKS, tries: 1, precedence: true });
});

test('some by parts of their names, in one option or several; a comma is a part of a name', () => {
  const both = ['connections that say nothing, by the thousand', 'one byte at a time'];
  expect(names(['--only', 'say nothing, by', 'one byte']).sort()).toEqual(both);
  expect(names(['--only', 'say nothing', '--only', 'one byte', '--tries', '3']).sort()).toEqual(both);
});

test('what it does not know is told in a line, with the names that there are', () => {
  expect(refusal(['--only', 'one byte', 'tank'])).toContain(
    "'tank' is invalid. no attack has that in its name. They are:\n",
  );
  expect(refusal(['--only', 'tank'])).toContain('  one byte at a time\n');
  expect(refusal(['one byte'])).toContain('too many arguments');
  expect(refusal(['--tries', '0'])).toContain('it is to be a number from 1 to 100.');
  expect(refusal(['--only'])).toContain('argument missing');
});
