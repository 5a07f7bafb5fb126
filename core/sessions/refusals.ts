/**
 * Audit records of refused logons. In each minute the first few with the same address, name and reason get a record each.
 * More of them, and all beyond the edge's allowance for the minute, are only counted, and the counts are recorded at its end:
 * strangers can make the counts grow, but not the table.
 */
import type { Timer, Timers } from '../time.ts';
import { REFUSAL_REASONS, REFUSAL_RECORDS, REFUSALS_EACH, UNPROVED_TEXT } from './bounds.ts';
import type { EdgeNote } from './edge-audit.ts';

const WINDOW_MS = 60_000;

export interface Refusal {
  readonly sender_comp_id: string;
  readonly address: string;
  readonly reason: string;
  readonly text: string;
  readonly user_id?: string | undefined;
  /** Whether the peer has proved itself. */
  readonly proven: boolean;
}

interface Tally {
  readonly refusal: Refusal;
  seen: number;
}

export class RefusalRecorder {
  readonly #note: (note: EdgeNote) => void;
  readonly #timers: Timers;
  readonly #tallies = new Map<string, Tally>();
  /** Refusals beyond the minute's allowance, by reason. */
  readonly #others = new Map<string, number>();
  readonly #byReason = new Map<string, number>();
  #records = 0;
  #window: Timer | undefined;

  constructor(timers: Timers, note: (note: EdgeNote) => void) {
    this.#timers = timers;
    this.#note = note;
  }

  /** Refusals since the beginning. */
  get byReason(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#byReason);
  }

  refused(refusal: Refusal): void {
    const counted =
      this.#byReason.has(refusal.reason) || this.#byReason.size < REFUSAL_REASONS ? refusal.reason : 'other';
    this.#byReason.set(counted, (this.#byReason.get(counted) ?? 0) + 1);
    this.#window ??= this.#timers.after(WINDOW_MS, () => this.flush());
    const kept = { ...refusal, sender_comp_id: short(refusal.sender_comp_id), address: short(refusal.address) };
    const key = JSON.stringify([kept.address, kept.sender_comp_id, kept.reason]);
    const tally = this.#tallies.get(key);
    if (tally) tally.seen += 1;
    if (tally && tally.seen > REFUSALS_EACH) return;
    if (this.#records >= REFUSAL_RECORDS) {
      if (tally) tally.seen -= 1;
      this.#others.set(kept.reason, (this.#others.get(kept.reason) ?? 0) + 1);
      return;
    }
    if (!tally) this.#tallies.set(key, { refusal: kept, seen: 1 });
    this.#records += 1;
    this.#note(noteOf(kept, {}));
  }

  /** Records the counts of the minute, and starts a new one with the next refusal. */
  flush(): void {
    this.#window?.cancel();
    this.#window = undefined;
    for (const { refusal, seen } of this.#tallies.values()) {
      if (seen > REFUSALS_EACH) this.#note(noteOf(refusal, { count: seen - REFUSALS_EACH }));
    }
    for (const [reason, count] of this.#others) {
      this.#note({ type: 'logon_refused', refused: true, reason, details: { count, of: 'many addresses or names' } });
    }
    this.#tallies.clear();
    this.#others.clear();
    this.#records = 0;
  }
}

function noteOf(refusal: Refusal, more: Readonly<Record<string, unknown>>): EdgeNote {
  return {
    type: 'logon_refused',
    refused: true,
    source_ip: refusal.address,
    user_id: refusal.user_id,
    sender_comp_id: refusal.sender_comp_id,
    reason: refusal.reason,
    details: { proven: refusal.proven, text: refusal.text, ...more },
  };
}

/** Cut to a bound, and made text that a record can hold (canonical JSON has no lone surrogates). */
function short(text: string): string {
  return text.slice(0, UNPROVED_TEXT).toWellFormed();
}
