/** Classes of messages, and what is kept of each. */

/** Classes of messages; each is also the index of its bucket. Session-level messages are never limited. */
export const ORDER = 0;
export const MESSAGE = 1;
export const CANCEL = 2;
export type Kind = typeof ORDER | typeof MESSAGE | typeof CANCEL;

/** One number a bucket, in the order ORDER, MESSAGE, CANCEL. */
export type Three<T> = readonly [T, T, T];

export const KINDS: Three<Kind> = [ORDER, MESSAGE, CANCEL];

export function three<T>(of: (kind: Kind) => T): Three<T> {
  return [of(ORDER), of(MESSAGE), of(CANCEL)];
}
