/** Requests of the admin API for imported clients. */

import { z } from 'zod';
import { requests } from '../../contract/requests.ts';
import { changedOverrides } from '../../core/sessions/profile.ts';
import type { ClientImport } from './import.ts';

/** What an admin says of a client, which no settings file has: the rest of `provision`; nothing is made up. */
export type Facts = Readonly<Record<string, unknown>>;

export interface Bodies {
  /** Undefined without facts. */
  readonly provision: Readonly<Record<string, unknown>> | undefined;
  /** Undefined when the file says nothing that is a setting. */
  readonly profile: Readonly<Record<string, unknown>> | undefined;
}

/** A file of facts that is wrong; the message is all the reader needs. */
export class FactsError extends Error {
  override readonly name = 'FactsError';
}

const schema = z.record(z.string(), z.record(z.string(), z.unknown()));

/** By the client's CompID in the settings file. @throws FactsError */
export function readFacts(text: string): ReadonlyMap<string, Facts> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new FactsError((error as Error).message);
  }
  const read = schema.safeParse(json);
  if (read.success) return new Map(Object.entries(read.data));
  const [issue] = read.error.issues;
  throw new FactsError(
    `${issue?.path.join('.') || 'it'} is no object: {"<CompID>": {"user_id": …, "rate_limit_tier": …}}`,
  );
}

/**
 * Facts may name another sender_comp_id or target_comp_id than the file; with nothing else in them they only say which
 * credential the client has. @throws FactsError when the whole is no request
 */
export function bodiesOf(client: ClientImport, facts: Facts | undefined, reason: string): Bodies {
  const { sender_comp_id, target_comp_id, session_profile, allowed_ips } = client;
  const {
    sender_comp_id: renamed = sender_comp_id,
    target_comp_id: retargeted = target_comp_id,
    ...rest
  } = facts ?? {};
  const said = Object.keys(session_profile).length > 0;
  const profile = said ? { sender_comp_id: renamed, session_profile, reason } : undefined;
  checked(requests.updateProfile, profile, sender_comp_id);
  if (Object.keys(rest).length === 0) return { provision: undefined, profile };
  const provision = {
    sender_comp_id: renamed,
    target_comp_id: retargeted,
    ...(allowed_ips.length > 0 ? { allowed_ips } : {}),
    ...(said ? { session_profile: changedOverrides({}, session_profile) } : {}),
    reason,
    ...rest,
  };
  checked(requests.provision, provision, sender_comp_id);
  return { provision, profile };
}

function checked(request: z.ZodType, body: unknown, client: string): void {
  if (body === undefined) return;
  const read = request.safeParse(body);
  if (read.success) return;
  const wrong = read.error.issues.map(({ path, message }) => `${path.join('.') || 'it'}: ${message}`);
  throw new FactsError(`${client}: ${wrong.join('; ')}`);
}
