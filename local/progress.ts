/** Says what is going on when a step takes longer than a second: a line that counts on a terminal, one line elsewhere. */
export async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  const from = performance.now();
  const tty = process.stdout.isTTY;
  let shown = false;
  const timer = setInterval(() => {
    const seconds = Math.round((performance.now() - from) / 1000);
    if (tty) process.stdout.write(`\r  ${name} … ${seconds} s`);
    else if (!shown) process.stdout.write(`  ${name} …\n`);
    shown = true;
  }, 1000);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    if (shown && tty) process.stdout.write('\n');
  }
}
