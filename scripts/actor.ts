/** Who runs a tool, for audit records. */
import { userInfo } from 'node:os';

/** Of whoever runs this; its number where the machine knows no name for it, as in a container. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}
