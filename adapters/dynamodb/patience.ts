/**
 * Which failed tries are tried again, and when: the SDK's standard mode (AWS SDKs and Tools Reference Guide, "Retry behavior").
 * A budget bounds what is tried again while a store is down: repeating everything would bury it.
 */

import { NETWORK } from './errors.ts';

/** An error of a try, as far as it is looked at. */
export interface Failed {
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

const THROTTLED = new Set([
  'LimitExceededException',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'ThrottledException',
  'TooManyRequestsException',
  'TransactionInProgressException',
]);
const TRANSIENT = new Set(['TimeoutError', 'RequestTimeout', 'RequestTimeoutException']);
/** The signature's time, which the reply has corrected. */
const SKEWED = new Set(['RequestExpired', 'RequestInTheFuture', 'RequestTimeTooSkewed']);
const BROKEN = new Set([500, 502, 503, 504]);

/** Longest pause before the second try, ms; it doubles with each try. */
const PAUSE_MS = 50;
const THROTTLED_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 20_000;
/** The budget, and what is taken from it: a store that throttles is there, and one that does not answer may not be. */
const BUDGET = 500;
const COST = 14;
const THROTTLED_COST = 5;

export function isThrottled({ name = '', $metadata }: Failed): boolean {
  return THROTTLED.has(name) || $metadata?.httpStatusCode === 429;
}

/** No answer came in time. */
export const isTransient = (name: string): boolean => TRANSIENT.has(name);

/** Whether another try may go otherwise. */
export function mayPass(error: unknown): boolean {
  const failed = error as Failed;
  const { name = '', code = '', message = '', $metadata } = failed;
  if (isThrottled(failed) || isTransient(name) || NETWORK.has(code)) return true;
  if (SKEWED.has(name) || (name === 'InvalidSignatureException' && /Signature (expired|not yet)/.test(message)))
    return true;
  return BROKEN.has($metadata?.httpStatusCode ?? 0);
}

export class Patience {
  #left = BUDGET;

  /** Longest pause before the next try, ms; undefined: the budget is used up. @param attempt the one that failed, from 1 */
  pauseFor(error: unknown, attempt: number): number | undefined {
    const busy = isThrottled(error as Failed);
    const cost = busy ? THROTTLED_COST : COST;
    if (this.#left < cost) return undefined;
    this.#left -= cost;
    return Math.min(LONGEST_PAUSE_MS, (busy ? THROTTLED_PAUSE_MS : PAUSE_MS) * 2 ** (attempt - 1));
  }

  /** A call was answered at this attempt. */
  succeeded(attempt: number): void {
    this.#left = Math.min(BUDGET, this.#left + (attempt > 1 ? COST : 1));
  }
}
