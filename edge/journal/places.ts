/**
 * Where the messages of one session lie: a ring of number → (segment, block, offset, length, time), ascending by number, 32
 * bytes a message, which lie together: what is noted and what is forgotten for it are a cache line each. It grows by doubling
 * and allocates nothing while the count stands.
 */

const INITIAL = 8;
/** Of an entry: its number, f64, then u32s. */
const DOUBLES = 4;
const WORDS = 8;
const SEGMENT = 2;
const BLOCK = 3;
const OFFSET = 4;
const LENGTH = 5;
const SECOND = 6;

/** Of those that have kept nothing yet, which most sessions are. */
const NO_NUMBERS = new Float64Array(0);
const NO_WORDS = new Uint32Array(0);

export class Places {
  count = 0;
  #head = 0;
  #mask = -1;
  #numbers = NO_NUMBERS;
  /** The same bytes. */
  #words = NO_WORDS;

  /** `number` is above all that are here, or {@link settle} is called before anything is looked up. */
  push(number: number, segment: number, block: number, offset: number, length: number, second: number): void {
    if (this.count > this.#mask) this.#grow();
    const at = (this.#head + this.count) & this.#mask;
    const words = this.#words;
    const word = at * WORDS;
    this.#numbers[at * DOUBLES] = number;
    words[word + SEGMENT] = segment;
    words[word + BLOCK] = block;
    words[word + OFFSET] = offset;
    words[word + LENGTH] = length;
    words[word + SECOND] = second;
    this.count += 1;
  }

  /** Recovery: what has this number, if anything, is void. */
  pushVoid(number: number): void {
    this.push(number, 0, 0, 0, 0, 0);
  }

  /** Forgets the first. */
  shift(): void {
    this.#head = (this.#head + 1) & this.#mask;
    this.count -= 1;
  }

  clear(): void {
    this.count = 0;
    this.#head = 0;
  }

  number(i: number): number {
    return this.#numbers[((this.#head + i) & this.#mask) * DOUBLES]!;
  }
  segment(i: number): number {
    return this.#words[((this.#head + i) & this.#mask) * WORDS + SEGMENT]!;
  }
  /** Where the block of the record begins. */
  block(i: number): number {
    return this.#words[((this.#head + i) & this.#mask) * WORDS + BLOCK]!;
  }
  offset(i: number): number {
    return this.#words[((this.#head + i) & this.#mask) * WORDS + OFFSET]!;
  }
  length(i: number): number {
    return this.#words[((this.#head + i) & this.#mask) * WORDS + LENGTH]!;
  }

  /** When it was made, seconds since 1970; 0: not known. */
  second(i: number): number {
    return this.#words[((this.#head + i) & this.#mask) * WORDS + SECOND]!;
  }

  /** The message has been written again, elsewhere. */
  move(i: number, segment: number, block: number, offset: number, length: number): void {
    const word = ((this.#head + i) & this.#mask) * WORDS;
    this.#words[word + SEGMENT] = segment;
    this.#words[word + BLOCK] = block;
    this.#words[word + OFFSET] = offset;
    this.#words[word + LENGTH] = length;
  }

  /** Index of the first with at least this number; `count` when there is none. */
  find(from: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.number(middle) < from) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Forgets all of one segment. @returns how many */
  drop(segment: number): number {
    return this.#keep((i) => this.segment(i) !== segment);
  }

  /** Forgets the message of this number. @returns whether it was there; `lost` is told of it first */
  remove(number: number, lost: (segment: number, length: number) => void): boolean {
    const i = this.find(number);
    if (i === this.count || this.number(i) !== number) return false;
    lost(this.segment(i), this.length(i));
    this.#keep((each) => each !== i);
    return true;
  }

  /** After recovery: ascending, of two with one number the one pushed later, none below `least`, none that is void. */
  settle(least: number): void {
    if (this.#disordered()) this.#sort();
    const isLast = (i: number): boolean => i + 1 === this.count || this.number(i + 1) !== this.number(i);
    this.#keep((i) => this.number(i) >= least && isLast(i) && this.segment(i) !== 0);
  }

  #disordered(): boolean {
    for (let i = 1; i < this.count; i++) if (this.number(i) < this.number(i - 1)) return true;
    return false;
  }

  #sort(): void {
    // The sort is stable: of equal numbers the one pushed later stays later.
    const order = Uint32Array.from({ length: this.count }, (_, i) => i).sort(
      (a, b) => this.number(a) - this.number(b) || a - b,
    );
    const sorted = new Places();
    for (const i of order) this.#copy(i, sorted);
    this.#take(sorted);
  }

  #keep(which: (i: number) => boolean): number {
    const kept = new Places();
    for (let i = 0; i < this.count; i++) if (which(i)) this.#copy(i, kept);
    const dropped = this.count - kept.count;
    if (dropped > 0) this.#take(kept);
    return dropped;
  }

  #copy(i: number, into: Places): void {
    into.push(this.number(i), this.segment(i), this.block(i), this.offset(i), this.length(i), this.second(i));
  }

  #take(other: Places): void {
    this.count = other.count;
    this.#head = other.#head;
    this.#mask = other.#mask;
    this.#numbers = other.#numbers;
    this.#words = other.#words;
  }

  #grow(): void {
    const size = this.#mask < 0 ? INITIAL : (this.#mask + 1) * 2;
    const larger = new Places();
    larger.#mask = size - 1;
    larger.#numbers = new Float64Array(size * DOUBLES);
    larger.#words = new Uint32Array(larger.#numbers.buffer);
    for (let i = 0; i < this.count; i++) this.#copy(i, larger);
    this.#take(larger);
  }
}
