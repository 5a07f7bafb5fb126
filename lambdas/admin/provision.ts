import { provision as provisionUser } from '../../core/provisioning.ts';
import type { Run } from '../services.ts';
import { issuedView, userView } from '../views.ts';

/** POST provision */
export const provision: Run<'provision'> = async (services, request, actor) => {
  const { account_balance, trading_volume, account_age_days, kyc_level, groups, reason, if_version, ...rest } = request;
  const { issued, user, tier } = await provisionUser(
    services,
    { actor, reason, if_version },
    {
      ...rest,
      facts: { account_balance, trading_volume, account_age_days, kyc_level, groups },
      expires_at: request.expires_at === undefined ? undefined : Date.parse(request.expires_at),
    },
  );
  return { success: true, credentials: issuedView(issued), user: userView(user, tier) };
};
