/** News that the gateway sends by itself, each kind only if the session's profile asks for it. */

import { CANCEL, type Kind, ORDER } from '../core/limits/kinds.ts';
import type { BucketUsage } from '../core/limits/usage.ts';
import type { GateSession } from '../core/sessions/api.ts';
import type { Notice } from '../core/sessions/model.ts';
import type { Dictionary } from './fix/dictionary/index.ts';
import type { Instant } from './fix/session/ports.ts';
import { MsgType } from './fix/tags.ts';
import type { House, NewsReceiver } from './house.ts';
import { ANNOUNCED_AT_ONCE } from './limits.ts';
import { hasNews, type News, writeNews } from './news.ts';
import type { Entry } from './sessions.ts';

const bucketName = (kind: Kind): string => (kind === ORDER ? 'Order' : kind === CANCEL ? 'Cancel' : 'Message');
const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/**
 * Sends an announcement to these sessions, some at a time, so that other work has its turn. Skips sessions whose profile does not ask
 * for announcements, and those that have ended meanwhile.
 * @returns how many were told
 */
export async function announceTo(
  house: Pick<House, 'turns' | 'notices' | 'log'>,
  { notice_id, ...notice }: Notice,
  sessions: readonly GateSession[],
): Promise<number> {
  const { turns, notices, log } = house;
  const news: News = { ...notice, id: notice_id };
  let told = 0;
  for (let from = 0; from < sessions.length; from += ANNOUNCED_AT_ONCE) {
    if (from > 0) await new Promise<void>((resolve) => void setImmediate(resolve));
    turns.run(() => {
      for (const { session } of sessions.slice(from, from + ANNOUNCED_AT_ONCE)) {
        try {
          if (notices.get(session.session_id)?.announce(news)) told++;
        } catch (error) {
          // If it fails for one session the others are told all the same.
          log.error({ error, session_id: session.session_id }, 'a session could not be told');
        }
      }
    });
  }
  return told;
}

/** The news of one connection. */
export class Notices implements NewsReceiver {
  readonly #house: House;
  readonly #entry: Entry;
  readonly #gate: GateSession;
  readonly #dictionary: Dictionary;

  /** @param dictionary of the session */
  constructor(house: House, entry: Entry, gate: GateSession, dictionary: Dictionary) {
    this.#house = house;
    this.#entry = entry;
    this.#gate = gate;
    this.#dictionary = dictionary;
  }

  /** The client has logged on. */
  begun(): void {
    this.#house.notices.set(this.#gate.session.session_id, this);
    const { limit_warning_percent: percent } = this.#entry.profile;
    if (percent === 0) return;
    const { turns } = this.#house;
    this.#gate.watchLimits(percent, (kind, usage) => turns.run(() => this.#warn(kind, usage, percent)));
  }

  /** The connection has gone. */
  leave(): void {
    this.#house.notices.delete(this.#gate.session.session_id);
  }

  #warn(kind: Kind, { left, capacity, rate, full_ms }: BucketUsage, percent: number): void {
    const used = Math.max(0, capacity - left);
    this.#tell({
      headline: `${bucketName(kind)} limit: ${percent} % used`,
      lines: [`${used} of ${capacity} used, ${left} left, ${rate} more each second, all in ${full_ms} ms`],
      urgency: 'normal',
      at: this.#house.turns.now.epochMs,
    });
  }

  /** After a reconnect: everything that the client had missed has been sent. */
  recovered(resent: number, delivered: number, now: Instant): void {
    if (!this.#entry.profile.news.recovery_complete) return;
    this.#tell({
      headline: 'Recovery complete',
      lines: [`${counted(resent, 'message')} sent again, ${counted(delivered, 'message')} sent that had waited`],
      urgency: 'normal',
      at: now.epochMs,
    });
  }

  /** Sends an announcement. @returns whether it was sent: the profile asks for it, and the client is logged on */
  announce(news: News): boolean {
    return this.#entry.profile.news.maintenance && this.#tell(news);
  }

  /** Inside a turn. It is an application message: numbered, kept, sent again on request. */
  #tell(news: News): boolean {
    const { fix, holder } = this.#entry;
    const { turns } = this.#house;
    if (!fix.active || !hasNews(this.#dictionary)) return false;
    if (holder !== undefined) turns.touch(holder);
    const body = fix.begin(MsgType.News, turns.now);
    try {
      writeNews(body, this.#dictionary, news);
    } catch (error) {
      fix.cancel();
      throw error;
    }
    fix.commit();
    return true;
  }
}
