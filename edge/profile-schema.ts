/** A session profile as a deployer writes it, in JSON: any of its settings over the defaults; unknown names are refused. */
import * as z from 'zod';
import { overridden, type ProfileOverrides, profileProblems } from '../core/sessions/profile.ts';
import { DEFAULT_PROFILE, type SessionProfile } from './fix/session/profile.ts';

export type { ProfileOverrides };

export const profileSchema = z.unknown().transform((value, context): ProfileOverrides => {
  const problems = profileProblems(value);
  for (const { path, message } of problems) context.addIssue({ code: 'custom', path: [...path], message });
  return problems.length > 0 ? z.NEVER : (value as ProfileOverrides);
});

/** The defaults with `overrides` over them, frozen. */
export function sessionProfile(overrides: ProfileOverrides): SessionProfile {
  return overridden(DEFAULT_PROFILE, overrides);
}
