/** Looks again, every so many ms, until it is so. @throws when it is not within `ms` */
export async function until(what: string, so: () => boolean | Promise<boolean>, ms = 3000, every = 5): Promise<void> {
  const end = performance.now() + ms;
  while (!(await so())) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}

/** Of processes: they are asked less often, and given longer. */
export const untilProcesses = (what: string, so: () => boolean | Promise<boolean>, ms = 20_000): Promise<void> =>
  until(what, so, ms, 50);
