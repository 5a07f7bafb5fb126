/** What an edge tells a client, of which something is promised beside its number: why its Logon is refused, and that cancels pass. */
import type { FixMessage } from '../../local/fix-client.ts';
import type { Host } from '../host.ts';
import type { World } from '../world.ts';
import type { Trader } from './trader.ts';

const LOGOUT = '5';
const REJECTS = new Set(['3', 'j']);
const ORDER_CANCEL_REQUEST = 'F';
/** What an edge says to what it does not take because of its own state, in 58. */
const FOR_THE_MOMENT = /not accepted for the moment/;

/** @param on whether its Logon has been answered @param since true time at which that reached the edge */
export function judge(world: World, host: Host, message: FixMessage, on: boolean, since: number): void {
  const key = { sender_comp_id: message.get(56) ?? '', sender_sub_id: message.get(57) ?? '' };
  const text = message.get(58) ?? '';
  if (!on && message.type === LOGOUT) world.refusals.refused({ host, key, since, text });
  // What is sent again was looked at when it was first.
  if (!on || !REJECTS.has(message.type) || message.get(43) === 'Y' || message.get(372) !== ORDER_CANCEL_REQUEST) return;
  const client = world.traderOf(key.sender_comp_id, key.sender_sub_id);
  if (client === undefined || !FOR_THE_MOMENT.test(text) || !isLive(host, client)) return;
  world.cancels.refused(host, client.account.user_id, `${client.name} ${message.get(45) ?? ''}`);
}

/** Whether the gate has not ended its session: who is about to be logged out may be refused anything. */
function isLive({ gate }: Host, client: Trader): boolean {
  for (const { session, live } of gate?.sessions() ?? [])
    if (live && client.is(session.key.sender_comp_id, session.key.sender_sub_id)) return true;
  return false;
}
