/** All stores in memory, over one world: for tests, for simulation, and for a gateway that needs nothing to survive it. */
import type { Stores } from '../stores.ts';
import { createAuditTrail } from './audit.ts';
import { createDirectory } from './directory.ts';
import { createJournalStore } from './journal-store.ts';
import { createPolicyStore } from './policy.ts';
import { createEdgeRegistry } from './registry.ts';
import { createSignedLogons } from './signed-logons.ts';
import { createSessionSlots } from './slots.ts';
import { createViolationCounters } from './violations.ts';
import { createWorld, type MemoryWorld } from './world.ts';

export function createMemoryAdapters(world: MemoryWorld = createWorld()): Stores {
  return {
    directory: createDirectory(world),
    policy: createPolicyStore(world),
    audit: createAuditTrail(world),
    slots: createSessionSlots(world),
    edges: createEdgeRegistry(world),
    violations: createViolationCounters(world),
    signedLogons: createSignedLogons(world),
    journals: createJournalStore(world),
  };
}
