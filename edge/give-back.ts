/**
 * Memory of large buffers given back at once. The engine counts what lies outside its heap as if it were in it, so that what a busy
 * edge reads and encrypts made it mark the whole heap every 100 ms, in four threads, for garbage that was known as such.
 */

/** Smaller ones are not worth a call; and in what comes in pieces, most are. */
const WORTH_BYTES = 16_384;

/**
 * Empties `bytes` and gives back the memory behind it: whoever looks at it later finds nothing. Nothing is done to a
 * small buffer, nor to one that is a part of another.
 */
export function giveBack(bytes: Uint8Array): void {
  if (bytes.length < WORTH_BYTES) return; // to ask for its buffer is a call, too
  const { buffer } = bytes;
  if (bytes.length !== buffer.byteLength || !(buffer instanceof ArrayBuffer)) return;
  buffer.transfer(0); // its memory goes to the new one, which has room for none of it
}
