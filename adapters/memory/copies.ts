/** Copies of rows, so that nobody who was given one changes what is kept, or what somebody else was given. */

/**
 * A deep copy of what rows are made of: plain objects, arrays, bytes, text, numbers, booleans, null and undefined. Knowing that is
 * an eighth of what `structuredClone` takes, which writes everything down and reads it again.
 * @throws TypeError for anything else: no store could keep it
 */
export function copyOf<T>(value: T): T {
  return (typeof value === 'object' && value !== null ? copyOfObject(value) : copyOfPlain(value)) as T;
}

function copyOfPlain(value: unknown): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') throw new TypeError(`a ${typeof value} is no data`);
  return value;
}

function copyOfObject(value: object): object {
  if (Array.isArray(value)) return value.map(copyOf);
  // Not by its own slice(): that of a Buffer is the same memory.
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (!isPlain(value)) throw new TypeError('an object of a class is no data');
  const copy = { ...value } as Record<string, unknown>;
  for (const name of Object.keys(copy)) copy[name] = copyOf(copy[name]);
  return copy;
}

/** By what is above its prototype: that of another realm's plain objects is another. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
