/** Signed Logons that were accepted, in DynamoDB. */
import type { SignedLogons } from '../../core/ports.ts';
import { key } from '../keys.ts';
import type { Database } from './database.ts';

export function createSignedLogons(database: Database): SignedLogons {
  return {
    /** A put whose reply was lost is found again by its attempt. The store removes rows late: their end is looked at here. */
    once({ sender_comp_id, digest, attempt, until, now }) {
      return database.write({
        put: 'sessions',
        row: {
          pk: key('SIGNED', sender_comp_id),
          sk: digest,
          attempt,
          until,
          expires_at: Math.ceil(until / 1000),
        },
        when: {
          text: 'attribute_not_exists(#pk) OR #until <= :now OR #attempt = :attempt',
          names: ['pk', 'until', 'attempt'],
          values: { ':now': now, ':attempt': attempt },
        },
      });
    },
  };
}
