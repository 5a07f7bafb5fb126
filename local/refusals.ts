/** Bounds how many refusals of strangers reach the audit trail: the first of its kind and address in each minute; all are logged. */
const WINDOW_MS = 60_000;
/** Kinds and addresses remembered at once; beyond it nothing more is recorded in this window. */
const MOST = 1000;

export class RefusalMeter {
  readonly #seen = new Set<string>();
  #windowEnds = 0;

  /** Whether this one is to be recorded. @param monotonic milliseconds */
  admit(code: string, address: string, monotonic: number): boolean {
    if (monotonic >= this.#windowEnds) {
      this.#seen.clear();
      this.#windowEnds = monotonic + WINDOW_MS;
    }
    const key = `${code} ${address}`;
    if (this.#seen.has(key) || this.#seen.size >= MOST) return false;
    this.#seen.add(key);
    return true;
  }
}
