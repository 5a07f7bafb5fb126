/** A buffer that counts how often a byte of it is read: cost without a clock. */

export interface Counted {
  readonly buf: Buffer;
  reads: number;
}

export function counted(bytes: Buffer): Counted {
  const counter = { reads: 0 };
  const buf = new Proxy(bytes, {
    get(from, key) {
      if (typeof key === 'string' && key.charCodeAt(0) <= 0x39) {
        counter.reads++;
        return from[Number(key)];
      }
      const value: unknown = Reflect.get(from, key, from);
      return typeof value === 'function' ? value.bind(from) : value;
    },
  });
  return {
    buf,
    get reads() {
      return counter.reads;
    },
    set reads(reads: number) {
      counter.reads = reads;
    },
  };
}
