/** The targets, loaded when asked for: coverage has to be counted before the code under test is there. */

import type { Target } from '../target.ts';

export const TARGETS: Readonly<Record<string, () => Promise<{ target: Target }>>> = {
  framer: () => import('./framer.ts'),
  message: () => import('./message.ts'),
  dictionary: () => import('./dictionary.ts'),
  patterns: () => import('./patterns.ts'),
  dialect: () => import('./dialect.ts'),
  session: () => import('./session.ts'),
  journal: () => import('./journal.ts'),
  sigv4: () => import('./sigv4.ts'),
  admin: () => import('./admin.ts'),
};

/** Of the code under test, which blocks count as coverage. */
export const COVERS: Readonly<Record<string, RegExp>> = {
  framer: /\/edge\/fix\/(?:framer|integers)\.ts$/,
  message: /\/edge\/fix\/(?:message|encoder|integers|tags)\.ts$/,
  dictionary: /\/edge\/fix\/(?:dictionary\/|integers|timestamp)/,
  patterns: /\/edge\/fix\/(?:dictionary\/(?:patterns|plan)|framer|incoming|message)/,
  dialect: /\/edge\/fix\/dictionary\//,
  session: /\/edge\/fix\/(?:session\/|encoder)/,
  journal: /\/edge\/journal\//,
  sigv4: /\/local\/sigv4\.ts$/,
  admin: /\/(?:core|contract|lambdas)\//,
};
