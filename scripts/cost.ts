// npm run cost -- --users 1000 --sessions 60000 --messages 100000000: what a month costs in AWS. docs/COST.md says how it is reckoned.

import { Command, Option } from 'commander';
import { DEFAULTS, monthly, total, type Usage } from '../deploy/cost.ts';

const count = (text: string): number => {
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new Error(`${text} is no count`);
  return value;
};
const program = new Command('cost')
  .description('A month in AWS, by what the product calls and by prices of 2026 (us-east-1).')
  .requiredOption('--users <n>', 'who have access', count)
  .requiredOption('--sessions <n>', 'begun in a month', count)
  .requiredOption('--messages <n>', 'from clients in a month', count)
  .option('--edges <n>', 'tasks', count, DEFAULTS.edges)
  .option('--vcpu <n>', 'of an edge', count, DEFAULTS.vcpu)
  .option('--memory-gb <n>', 'of an edge', count, DEFAULTS.memoryGb)
  .option('--zones <n>', 'availability zones', count, DEFAULTS.zones)
  .option('--admin-calls <n>', 'of the admin API in a month', count, DEFAULTS.adminCalls)
  .addOption(
    new Option('--journal <kind>', 'where edges keep their journals')
      .choices(['store', 'file'])
      .default(DEFAULTS.journal),
  )
  .parse();
const lines = monthly(program.opts<Usage>());
for (const { what, dollars, how } of lines)
  process.stdout.write(`${dollars.toFixed(2).padStart(10)}  ${what.padEnd(28)} ${how}\n`);
process.stdout.write(`${total(lines).toFixed(2).padStart(10)}  a month, US dollars\n`);
