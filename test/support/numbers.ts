/** Where a session goes on of which something was lost, or may have been. */
import { expect } from '@jest/globals';
import { SESSION_LEVEL_NUMBERS } from '../../edge/journal/limits.ts';

/**
 * Expects what a client hears first behind what it heard last, and behind a block for session-level messages where one was reserved
 * (docs/adr/0050-what-idle-sessions-leave-in-the-store.md).
 * @param first MsgSeqNum
 */
export function expectBehind(heard: number, first: number, hasBlock = true): void {
  expect(first).toBeGreaterThan(heard);
  expect(first).toBeLessThanOrEqual(heard + 1 + (hasBlock ? SESSION_LEVEL_NUMBERS : 0));
}
