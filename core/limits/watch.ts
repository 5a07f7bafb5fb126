/** Warnings before a limit is reached: once for each time a bucket is used up to a given part. */
import { KINDS, type Kind, type Three } from './kinds.ts';
import { LOOKS_PER_WINDOW, WARNING_EVERY_MS, WATCH_WINDOW_MS } from './settings.ts';
import type { BucketUsage } from './usage.ts';

/** `percent` of the capacity of a bucket has been used, or more. */
export type OnLimitWarning = (kind: Kind, usage: BucketUsage) => void;

interface Watcher {
  readonly percent: number;
  readonly tell: OnLimitWarning;
  /** Whether the next crossing is told. */
  readonly armed: [boolean, boolean, boolean];
  /** Epoch ms of the last warning. */
  readonly toldAt: [number, number, number];
}

/** Most tokens that may be left for the bucket to count as used to `percent`. */
const leftAt = (percent: number, { capacity }: BucketUsage): number => (capacity * (100 - percent)) / 100;

/**
 * Sessions that want warnings about one user's buckets. A bucket warns once when use reaches the mark, and again only after use has
 * fallen below half of it; at most once every {@link WARNING_EVERY_MS} for each bucket.
 */
export class Watchers {
  /** Most users have none. */
  #watchers: readonly Watcher[] = [];
  #since = Number.NEGATIVE_INFINITY;
  #looks = 0;

  get size(): number {
    return this.#watchers.length;
  }

  add(percent: number, tell: OnLimitWarning): () => void {
    const never = Number.NEGATIVE_INFINITY;
    const watcher: Watcher = { percent, tell, armed: [true, true, true], toldAt: [never, never, never] };
    this.#watchers = [...this.#watchers, watcher];
    return () => {
      this.#watchers = this.#watchers.filter((other) => other !== watcher);
    };
  }

  /** Whether to check again on the path of messages: not with each message near the mark. */
  due(nowMs: number): boolean {
    if (Math.abs(nowMs - this.#since) >= WATCH_WINDOW_MS) {
      this.#since = nowMs;
      this.#looks = 0;
    }
    return ++this.#looks <= LOOKS_PER_WINDOW;
  }

  /**
   * Warns the sessions whose mark is reached.
   * @param held tokens that the edge holds, part of what `usage` says is left
   * @param alert set, by bucket, to the number of held tokens at which to check again; -1: no need to
   */
  look(usage: Three<BucketUsage>, held: Three<number>, alert: Float64Array, nowMs: number): void {
    for (const kind of KINDS) {
      const bucket = usage[kind];
      alert[kind] = -1;
      for (const watcher of this.#watchers) {
        const mark = leftAt(watcher.percent, bucket);
        if (bucket.left <= mark) this.#cross(watcher, kind, bucket, nowMs);
        else if (bucket.left > leftAt(watcher.percent / 2, bucket)) watcher.armed[kind] = true;
        if (watcher.armed[kind]) alert[kind] = Math.max(alert[kind]!, mark - (bucket.left - held[kind]));
      }
    }
  }

  #cross(watcher: Watcher, kind: Kind, bucket: BucketUsage, nowMs: number): void {
    if (!watcher.armed[kind]) return;
    watcher.armed[kind] = false;
    if (nowMs - watcher.toldAt[kind] < WARNING_EVERY_MS) return;
    watcher.toldAt[kind] = nowMs;
    watcher.tell(kind, bucket);
  }
}
