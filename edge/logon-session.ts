/** The session that a Logon asks for, as the core names it and as the venue is to know it. */
import type { FixSessionKey } from '../core/sessions/model.ts';
import type { Claim } from './first-message.ts';
import type { SessionProfile } from './fix/session/profile.ts';
import { sessionId } from './sessions.ts';
import type { VenueSession } from './venue/venue.ts';

export function keyOf({ begin_string, sender_comp_id, sender_sub_id, target_comp_id }: Claim): FixSessionKey {
  return { begin_string, sender_comp_id, sender_sub_id, target_comp_id };
}

export function venueSession(
  claim: Claim,
  { user_id, epoch }: { readonly user_id: string; readonly epoch: number },
  profile: SessionProfile,
): VenueSession {
  const { begin_string, appl_ver_id, sender_comp_id, sender_sub_id, target_comp_id } = claim;
  const id = sessionId(claim);
  const { mode, grace_ms } = profile.cancel_on_disconnect;
  const cancel = mode === 'session' ? { cancel_after_ms: grace_ms } : {};
  const names = { begin_string, appl_ver_id, sender_comp_id, sender_sub_id, target_comp_id };
  return { id, user_id, ...names, ...cancel, epoch };
}
