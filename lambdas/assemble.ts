/** Adapters to the domain: the same for AWS, for a local installation and for tests. */
import type { Stores } from '../adapters/stores.ts';
import type { OnIneligible } from '../core/credentials/facts.ts';
import { Cursors } from '../core/cursors.ts';
import { CompiledExpressions } from '../core/eligibility/evaluate.ts';
import { tokensNow } from '../core/limits/lease.ts';
import type { TokenLeases } from '../core/limits/leases-port.ts';
import type { Digests, Expressions, SecretBox, SecretVault } from '../core/ports.ts';
import type { Clock, Random } from '../core/time.ts';
import type { Log, Services } from './services.ts';

export interface Parts {
  readonly stores: Stores;
  readonly leases: Pick<TokenLeases, 'read'>;
  readonly box: SecretBox;
  readonly vault: SecretVault;
  readonly digests: Digests;
  readonly random: Random;
  readonly clock: Clock;
  readonly expressions: Expressions;
  /** Signs cursors; 32 bytes or more. */
  readonly cursorKey: Uint8Array;
  readonly onIneligible: OnIneligible;
  readonly log: Log;
  /** Resolves after so many milliseconds. */
  readonly pause: (ms: number) => Promise<void>;
}

export function assemble(parts: Parts): Services {
  const { stores, leases, box, vault, digests, random, clock, log, pause } = parts;
  const { audit, ...rest } = stores;
  return {
    ...rest,
    trail: audit,
    box,
    vault,
    digests,
    random,
    clock,
    log,
    pause,
    expressions: new CompiledExpressions(parts.expressions),
    cursors: new Cursors(digests, parts.cursorKey),
    on_ineligible: parts.onIneligible,
    tokens: async (userId, limits) => tokensNow(await leases.read(userId), limits, clock.nowNanos()),
  };
}
