/** Steps of a run: each is said as it ends, and counted. */

export class Report {
  passed = 0;
  failed = 0;
  readonly #say: (line: string) => void;

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  /** Runs one step. Rejects as it does: what follows would make no sense. */
  async step<T>(name: string, work: () => Promise<T>): Promise<T> {
    const from = performance.now();
    try {
      const result = await work();
      this.passed += 1;
      this.#say(`ok   ${name} (${((performance.now() - from) / 1000).toFixed(1)} s)`);
      return result;
    } catch (error) {
      this.failed += 1;
      this.#say(`FAIL ${name}: ${(error as Error).message}`);
      throw error;
    }
  }

  note(line: string): void {
    this.#say(`     ${line}`);
  }
}
