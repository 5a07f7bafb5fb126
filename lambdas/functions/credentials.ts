/** What gives, takes and changes access. */
import { addKey } from '../admin/credentials-keys-add.ts';
import { removeKey } from '../admin/credentials-keys-remove.ts';
import { updateProfile } from '../admin/credentials-profile.ts';
import { provision } from '../admin/provision.ts';
import { reactivate } from '../admin/reactivate.ts';
import { regeneratePassword } from '../admin/regenerate-password.ts';
import { revoke } from '../admin/revoke.ts';
import { suspend } from '../admin/suspend.ts';
import { updateUser } from '../admin/users-update.ts';
import { createHandler } from '../handler.ts';
import { wiredServices } from '../keyed.ts';
import type { Operations } from '../services.ts';

export const operations: Operations = {
  provision,
  revoke,
  suspend,
  reactivate,
  regeneratePassword,
  updateProfile,
  addKey,
  removeKey,
  updateUser,
};

export const handler = createHandler(operations, wiredServices);
