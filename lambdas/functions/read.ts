/** Everything that changes nothing. */
import { audit } from '../admin/audit.ts';
import { credentials } from '../admin/credentials.ts';
import { userCredentials } from '../admin/credentials-user.ts';
import { edges } from '../admin/edges.ts';
import { locks } from '../admin/locks.ts';
import { rateLimits } from '../admin/rate-limits.ts';
import { rules } from '../admin/rules.ts';
import { evaluate } from '../admin/rules-evaluate.ts';
import { sessions } from '../admin/sessions.ts';
import { sequence } from '../admin/sessions-sequence.ts';
import { userSessions } from '../admin/sessions-user.ts';
import { stats } from '../admin/stats.ts';
import { tiers } from '../admin/tiers.ts';
import { createHandler } from '../handler.ts';
import type { Operations } from '../services.ts';
import { keylessServices } from '../wiring.ts';

export const operations: Operations = {
  credentials,
  userCredentials,
  sessions,
  userSessions,
  sequence,
  locks,
  edges,
  rateLimits,
  tiers,
  rules,
  evaluate,
  audit,
  stats,
};

export const handler = createHandler(operations, keylessServices);
