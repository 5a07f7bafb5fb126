/** What the store's errors mean: an outage, a failed condition, a race, or a defect of ours. */
import type { CancellationReason } from '@aws-sdk/client-dynamodb';

/** Names under which AWS says that it is too busy or broken; who calls has retried these already. */
const OUTAGES = new Set([
  'ProvisionedThroughputExceededException',
  'ThrottlingException',
  'RequestLimitExceeded',
  'InternalServerError',
  'InternalServerErrorException',
  'ServiceUnavailable',
  'ServiceUnavailableException',
  'LimitExceededException',
  'KMSInternalException',
  'DependencyTimeoutException',
  'TimeoutError',
  'AbortError',
  'NetworkingError',
]);

/** Errors of the network, by Node's codes. */
export const NETWORK = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** The SDK keeps only the text of an error that another realm made (a worker, a test runner's sandbox). */
const WRAPPED = /^AWS SDK error wrapper for .*?\b(E[A-Z_]{3,})\b/;

interface Telling {
  readonly message?: string;
  readonly name?: string;
  readonly code?: string;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $retryable?: { readonly throttling?: boolean };
}

/** Whether the store could not be reached, throttles or is broken: nothing that repeating the same call now would mend. */
export function isOutage(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { name, message, cause, errors, $metadata, $retryable } = error as Telling;
  const code = (error as Telling).code ?? WRAPPED.exec(message ?? '')?.[1];
  if (name !== undefined && OUTAGES.has(name)) return true;
  if (code !== undefined && NETWORK.has(code)) return true;
  if (($metadata?.httpStatusCode ?? 0) >= 500 || $retryable?.throttling === true) return true;
  // Happy eyeballs: one error for each address that was tried. The key store wraps what it met as `cause`.
  return (errors ?? []).some(isOutage) || (cause !== undefined && cause !== error && isOutage(cause));
}

/** Why a transaction was cancelled. */
export type Cancelled =
  /** Indexes of the items whose condition did not hold. */
  | { readonly kind: 'conditions'; readonly failed: readonly number[] }
  /** Another transaction had an item: try again. */
  | { readonly kind: 'race' }
  | { readonly kind: 'outage' };

/**
 * Reads a cancellation. Undefined: the error is none, or one that says that the request itself is wrong (the embedded
 * store reports a bad expression so), which is a defect.
 */
export function cancellation(error: unknown): Cancelled | undefined {
  if ((error as Telling | undefined)?.name !== 'TransactionCanceledException') return undefined;
  const { CancellationReasons: reasons = [] } = error as {
    readonly CancellationReasons?: readonly CancellationReason[];
  };
  const codes = reasons.map((reason) => reason.Code ?? 'None');
  const failed = codes.flatMap((code, i) => (code === 'ConditionalCheckFailed' ? [i] : []));
  if (codes.some((code) => code === 'ValidationError')) return undefined;
  if (failed.length > 0) return { kind: 'conditions', failed };
  if (codes.some((code) => code === 'TransactionConflict')) return { kind: 'race' };
  if (codes.some((code) => code === 'ThrottlingError' || code === 'ProvisionedThroughputExceeded')) {
    return { kind: 'outage' };
  }
  return undefined;
}

export function isFailedCondition(error: unknown): boolean {
  return (error as Telling | undefined)?.name === 'ConditionalCheckFailedException';
}

/** A single write or read that met a transaction on its item, or the same transaction still under way. */
export function isRace(error: unknown): boolean {
  const name = (error as Telling | undefined)?.name;
  return name === 'TransactionConflictException' || name === 'TransactionInProgressException';
}
