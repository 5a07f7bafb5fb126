/** Signed Logons that were accepted, in memory. */
import type { SignedLogons } from '../../core/ports.ts';
import { key } from '../keys.ts';
import type { MemoryWorld } from './world.ts';

export function createSignedLogons({ signedLogons }: MemoryWorld): SignedLogons {
  return {
    async once({ sender_comp_id, digest, attempt, until, now }) {
      // In the order they came, which is nearly that of their ends: what is over stands in front.
      for (const [name, row] of signedLogons) {
        if (row.until > now) break;
        signedLogons.delete(name);
      }
      const name = key(sender_comp_id, digest);
      const row = signedLogons.get(name);
      if (row !== undefined && row.until > now) return row.attempt === attempt;
      signedLogons.set(name, { attempt, until });
      return true;
    },
  };
}
