/** What tries that bring no answer come to, for whoever watches the store: from outside a call that was throttled is one that was slow. */

import type { CancellationReason } from '@aws-sdk/client-dynamodb';
import { NETWORK } from './errors.ts';
import { type Failed, isThrottled, isTransient } from './patience.ts';

/** throttled: the store has more to do than it may. unanswered: nothing came in time, or nobody was there. broken: it says so itself. */
export type FailedTry = 'throttled' | 'unanswered' | 'broken';

/** Reasons of a cancelled transaction (API reference, TransactWriteItems). */
const THROTTLED_REASONS: ReadonlySet<string | undefined> = new Set([
  'ThrottlingError',
  'ProvisionedThroughputExceeded',
]);

/** Undefined: it was an answer. */
export function failedTry(error: unknown): FailedTry | undefined {
  const failed = error as Failed & { readonly CancellationReasons?: readonly CancellationReason[] };
  const { name = '', code = '', $metadata, CancellationReasons: reasons = [] } = failed;
  // The same transaction, tried before, is still under way: its table has nothing to do with it.
  if (name === 'TransactionInProgressException') return undefined;
  if (isThrottled(failed) || reasons.some(({ Code }) => THROTTLED_REASONS.has(Code))) return 'throttled';
  if (isTransient(name) || NETWORK.has(code)) return 'unanswered';
  return ($metadata?.httpStatusCode ?? 0) >= 500 ? 'broken' : undefined;
}

const some = (left: object | undefined): boolean => left !== undefined && Object.keys(left).length > 0;

/** Whether a batch was done in part only, as it is where its table is throttled; the rest is asked for again. */
export function isPartial(output: { readonly UnprocessedItems?: object; readonly UnprocessedKeys?: object }): boolean {
  return some(output.UnprocessedItems) || some(output.UnprocessedKeys);
}
