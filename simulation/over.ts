import type { Journal, JournalSession } from '../edge/journal/journal.ts';

/** An object with some of its members in the place of others; what is not named is the object's own. */
export function over<T extends object>(target: T, members: Partial<T>): T {
  return new Proxy(target, {
    get(own, name) {
      const value: unknown = Reflect.get(Object.hasOwn(members, name) ? members : own, name);
      return typeof value === 'function' && !Object.hasOwn(members, name) ? value.bind(own) : value;
    },
  });
}

/** A journal each of whose sessions, from when it is first asked for, has some of its members in the place of others. */
export function overSessions(
  journal: Journal,
  membersOf: (session: JournalSession) => Partial<JournalSession>,
): Journal {
  const known = new Map<string, JournalSession>();
  return over(journal, {
    session(key, terms) {
      const session = journal.session(key, terms);
      const made = known.get(key) ?? over(session, membersOf(session));
      known.set(key, made);
      return made;
    },
  });
}
