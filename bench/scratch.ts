/** Temporary directories that go with the process, also when it is interrupted. */
import { removeDirectory, temporaryDirectory } from '../local/product.ts';

const open = new Set<string>();
process.on('exit', () => {
  for (const directory of open) removeDirectory(directory);
});
// What was started ends by itself when we are gone.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));

export function makeScratch(): string {
  const directory = temporaryDirectory();
  open.add(directory);
  return directory;
}

export function removeScratch(directory: string): void {
  removeDirectory(directory);
  open.delete(directory);
}
