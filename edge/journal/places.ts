/**
 * Where the messages of one session lie: a ring of number → (segment, block, offset, length, time), ascending by number, 32
 * bytes that lie together for each message, or for messages that follow each other in one record (run.ts). It grows by
 * doubling and allocates nothing while the count stands.
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
const SIZE = 7;

/** Of those that have kept nothing yet, which most sessions are. */
const NO_NUMBERS = new Float64Array(0);
const NO_WORDS = new Uint32Array(0);

export class Places {
  /** Entries. */
  count = 0;
  /** What lies in them. */
  messages = 0;
  #head = 0;
  #mask = -1;
  #numbers = NO_NUMBERS;
  /** The same bytes. */
  #words = NO_WORDS;

  /**
   * `number` is above all that are here, or {@link settle} is called before anything is looked up.
   * @param size messages that lie there, numbered in a row; `length` is of all of them
   */
  push(number: number, segment: number, block: number, offset: number, length: number, second: number, size = 1): void {
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
    words[word + SIZE] = size;
    this.count += 1;
    this.messages += size;
  }

  /** More messages lie where the last ones do. */
  extend(length: number, size = 1): void {
    const word = ((this.#head + this.count - 1) & this.#mask) * WORDS;
    this.#words[word + LENGTH]! += length;
    this.#words[word + SIZE]! += size;
    this.messages += size;
  }

  /** Recovery: what has this number, if anything, is void. */
  pushVoid(number: number): void {
    this.push(number, 0, 0, 0, 0, 0);
  }

  /** Forgets the first entry. */
  shift(): void {
    this.messages -= this.size(0);
    this.#head = (this.#head + 1) & this.#mask;
    this.count -= 1;
  }

  /**
   * Forgets the first `count` messages, all together in hardly more time than one. An entry has all its bytes until its last message
   * goes; then `lost` is told of them. @returns the number of the last one forgotten
   */
  forget(count: number, lost: (segment: number, length: number) => void): number {
    let last = 0;
    for (let left = count; left > 0; ) {
      const size = this.size(0);
      if (size > left) {
        const word = this.#head * WORDS;
        last = this.#numbers[this.#head * DOUBLES]! + left - 1;
        this.#numbers[this.#head * DOUBLES] = last + 1;
        this.#words[word + SIZE] = size - left;
        this.messages -= left;
        return last;
      }
      last = this.last(0);
      const [segment, length] = [this.segment(0), this.length(0)];
      this.shift();
      lost(segment, length);
      left -= size;
    }
    return last;
  }

  clear(): void {
    this.count = 0;
    this.messages = 0;
    this.#head = 0;
  }

  /** Of the first message of an entry. */
  number(i: number): number {
    return this.#numbers[((this.#head + i) & this.#mask) * DOUBLES]!;
  }
  /** Messages of an entry. */
  size(i: number): number {
    return this.#words[((this.#head + i) & this.#mask) * WORDS + SIZE]!;
  }
  /** Number of the last message of an entry. */
  last(i: number): number {
    return this.number(i) + this.size(i) - 1;
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
  /** Bytes, of all messages of an entry. */
  length(i: number): number {
    return this.#words[((this.#head + i) & this.#mask) * WORDS + LENGTH]!;
  }

  /** When it was made, seconds since 1970; 0: not known. */
  second(i: number): number {
    return this.#words[((this.#head + i) & this.#mask) * WORDS + SECOND]!;
  }

  /** The messages have been written again, elsewhere. */
  move(i: number, segment: number, block: number, offset: number, length: number): void {
    const word = ((this.#head + i) & this.#mask) * WORDS;
    this.#words[word + SEGMENT] = segment;
    this.#words[word + BLOCK] = block;
    this.#words[word + OFFSET] = offset;
    this.#words[word + LENGTH] = length;
  }

  /** Index of the first entry that has this number or one above it; `count` when there is none. */
  find(from: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.last(middle) < from) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Forgets all of one segment; `lost` is told of each entry first. @returns how many messages */
  drop(segment: number, lost: (length: number, last: number) => void): number {
    const before = this.messages;
    for (let i = 0; i < this.count; i++) if (this.segment(i) === segment) lost(this.length(i), this.last(i));
    this.#keep((i) => this.segment(i) !== segment);
    return before - this.messages;
  }

  /**
   * Forgets the message of this number. `lost` is told of its bytes, and how many entries fewer there are, which may be one more.
   * @returns whether it was there
   */
  remove(number: number, lost: (segment: number, length: number, entries: number) => void): boolean {
    const at = this.find(number);
    if (at === this.count || this.number(at) > number) return false;
    const kept = new Places();
    let [segment, bytes] = [0, 0];
    for (let i = 0; i < this.count; i++) {
      if (i !== at) this.#copy(i, kept);
      else
        this.#split(i, (one, ...place) => {
          if (one === number) [segment, , , bytes] = place;
          else kept.push(one, ...place);
        });
    }
    const before = this.count;
    this.#take(kept);
    this.#join();
    lost(segment, bytes, before - this.count);
    return true;
  }

  /** After recovery: ascending, of two with one number the one pushed later, none below `least`, none that is void. */
  settle(least: number): void {
    if (this.#disordered()) {
      const all = new Places();
      for (let i = 0; i < this.count; i++) this.#split(i, (...one) => all.push(...one));
      all.#sort();
      const isLast = (i: number): boolean => i + 1 === all.count || all.number(i + 1) !== all.number(i);
      all.#keep((i) => isLast(i) && all.segment(i) !== 0);
      this.#take(all);
      this.#join();
    }
    while (this.count > 0 && this.last(0) < least) this.shift();
    if (this.count > 0 && this.number(0) < least) this.forget(least - this.number(0), () => {});
  }

  /** Whether a number is below one before it, there twice, or void. */
  #disordered(): boolean {
    for (let i = 0; i < this.count; i++)
      if (this.segment(i) === 0 || (i > 0 && this.number(i) <= this.last(i - 1))) return true;
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

  /** Each message of an entry by itself. */
  #split(
    i: number,
    each: (number: number, segment: number, block: number, offset: number, length: number, second: number) => void,
  ): void {
    let [left, number] = [this.length(i), this.number(i)];
    for (let size = this.size(i); size > 0; size--, number++) {
      const share = Math.floor(left / size);
      each(number, this.segment(i), this.block(i), this.offset(i), share, this.second(i));
      left -= share;
    }
  }

  /** Those that follow each other in one record are one entry again. */
  #join(): void {
    const joined = new Places();
    for (let i = 0; i < this.count; i++) {
      const follows = i > 0 && this.number(i) === this.last(i - 1) + 1 && this.offset(i) === this.offset(i - 1);
      if (follows && this.segment(i) === this.segment(i - 1)) joined.extend(this.length(i), this.size(i));
      else this.#copy(i, joined);
    }
    this.#take(joined);
  }

  #keep(which: (i: number) => boolean): void {
    const kept = new Places();
    for (let i = 0; i < this.count; i++) if (which(i)) this.#copy(i, kept);
    if (kept.count < this.count) this.#take(kept);
  }

  #copy(i: number, into: Places): void {
    const [segment, block, offset, length] = [this.segment(i), this.block(i), this.offset(i), this.length(i)];
    into.push(this.number(i), segment, block, offset, length, this.second(i), this.size(i));
  }

  #take(other: Places): void {
    this.count = other.count;
    this.messages = other.messages;
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
