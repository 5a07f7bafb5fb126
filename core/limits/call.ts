/** An exchange with the item in the store that is under way. */
import type { Timer } from '../time.ts';
import type { Statement } from './purse.ts';

/** Replies to any but the current call are ignored. */
export interface Call {
  readonly number: number;
  readonly startedMs: number;
  /** Of the write under way. */
  timer: Timer | undefined;
  said: Statement | undefined;
  leave: boolean;
}
