/** Limits, tiers, rules, overrides and locks; and draining edges, which is on the record of the policy. */
import { drainEdge } from '../admin/edges-drain.ts';
import { lock } from '../admin/lock.ts';
import { resetViolations } from '../admin/rate-limits-reset-violations.ts';
import { updateRateLimit } from '../admin/rate-limits-update.ts';
import { addRule } from '../admin/rules-add.ts';
import { disableRule } from '../admin/rules-disable.ts';
import { enableRule } from '../admin/rules-enable.ts';
import { setOverride } from '../admin/rules-override.ts';
import { removeOverride } from '../admin/rules-override-remove.ts';
import { removeRule } from '../admin/rules-remove.ts';
import { putTier } from '../admin/tiers-put.ts';
import { removeTier } from '../admin/tiers-remove.ts';
import { unlock } from '../admin/unlock.ts';
import { createHandler } from '../handler.ts';
import type { Operations } from '../services.ts';
import { keylessServices } from '../wiring.ts';

export const operations: Operations = {
  updateRateLimit,
  resetViolations,
  putTier,
  removeTier,
  addRule,
  removeRule,
  enableRule,
  disableRule,
  setOverride,
  removeOverride,
  lock,
  unlock,
  drainEdge,
};

export const handler = createHandler(operations, keylessServices);
