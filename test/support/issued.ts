import type { Issued } from '../../core/credentials/issue.ts';

/** The password of a credential that has one. @throws Error when it proves itself otherwise */
export function passwordOf(issued: Issued): string {
  if (issued.proof !== 'password') throw new Error(`it proves itself by ${issued.proof}`);
  return issued.password.reveal();
}
