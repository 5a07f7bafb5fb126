/**
 * How the edge's process is started: so that a flood leaves it as it was, and an order's way is one piece of machine code.
 * The Dockerfile names the same.
 */

/**
 * Options of V8. The first four keep its heap near what lives in it: a Logon leaves some 50 KB of garbage; in a flood of them the
 * heap would grow to many times its size, by V8's own measure, and shrink in somebody's quiet half minute. Orders leave nothing
 * on the heap, so they lose nothing by it.
 */
export const V8_FLAGS: readonly string[] = [
  // MB. What Logons under way hold survives in a large young space, and is copied at each of its collections.
  '--max-semi-space-size=8',
  // The old space is collected when it has grown by so much, while others go on; not first when it has doubled.
  '--heap-growing-percent=20',
  // Percent of the way to that limit at which marking begins in the background, and at once. By itself V8 begins when the limit is nearer
  // than the young space is large, as it always is near a small heap: under load it marked without a pause.
  '--incremental-marking-soft-trigger=50',
  '--incremental-marking-hard-trigger=90',
  // Bytes of bytecode that one function may take in of those it calls; by itself V8 ends at 920, amid an order's way, whose steps
  // are small functions. More brings no more, and is compiled for longer.
  '--max-inlined-bytecode-size-cumulative=2500',
];

/** All that the edge's process is started with before its script: those, and its modules without their types (untyped.mjs). */
export const NODE_FLAGS: readonly string[] = [...V8_FLAGS, `--import=${new URL('untyped.mjs', import.meta.url).href}`];

/**
 * Settings of glibc's allocator, which by itself keeps what it has once freed in large pieces. Named, they stay as they
 * are. Others ignore them.
 */
export const MALLOC: Readonly<Record<string, string>> = {
  // Bytes. What is larger is given back as soon as it is freed, such as what slow readers have: of many at once the heap would be left with
  // holes that nothing returns. 17 MB were seen.
  MALLOC_MMAP_THRESHOLD_: '32768',
  MALLOC_TRIM_THRESHOLD_: '1048576',
  // One thread allocates nearly all of it.
  MALLOC_ARENA_MAX: '1',
};
