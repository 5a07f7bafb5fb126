/**
 * Makes the keystream of long blocks (keystream.ts) in a thread of its own, whose garbage is nobody else's.
 *
 * Plain JavaScript: what takes out types would be loaded into each thread.
 */

import { createCipheriv } from 'node:crypto';
import { parentPort } from 'node:worker_threads';

const UNIT = 16;
const PIECE_UNITS = 1024;
const ZEROS = Buffer.alloc(PIECE_UNITS * UNIT);

/**
 * Fills the ring of one segment until it ends.
 * @param asked `key` of AES-256-CTR, whose counter begins at 0; `state` Int32: units made, units taken or -1 at the end; `ring`: a whole number of
 *   pieces; `most` units in all
 */
function fill({ key, state, ring, most }) {
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(UNIT));
  const room = ring.length / UNIT;
  for (let made = 0; made + PIECE_UNITS <= most; made += PIECE_UNITS) {
    let taken = Atomics.load(state, 1);
    for (; taken >= 0 && made + PIECE_UNITS - taken > room; taken = Atomics.load(state, 1))
      Atomics.wait(state, 1, taken);
    if (taken < 0) return;
    const piece = cipher.update(ZEROS);
    ring.set(piece, (made % room) * UNIT);
    piece.buffer.transfer(0);
    Atomics.store(state, 0, made + PIECE_UNITS);
  }
}

parentPort.on('message', fill);
