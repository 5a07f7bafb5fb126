/** Session hours of a QuickFIX settings file as fixgate says them: one schedule, told whole. */

import { isTimeZone, type ProfileChange, TIME_OF_DAY } from '../../core/sessions/profile.ts';
import type { Note, Said } from './file.ts';
import { isYes, type Merged } from './values.ts';

/** Of the merged section; they are read here and nowhere else. */
export const SCHEDULE_NAMES: ReadonlySet<string> = new Set([
  'starttime',
  'endtime',
  'startday',
  'endday',
  'timezone',
  'uselocaltime',
  'nonstopsession',
  'weekdays',
  'logontime',
  'logouttime',
  'logonday',
  'logoutday',
]);

const DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;
type Day = (typeof DAYS)[number];

type Schedule = Pick<ProfileChange, 'start_day' | 'end_day' | 'start_time' | 'end_time' | 'time_zone'>;

/** No hours: also where there were some before. */
const NON_STOP: Schedule = { start_day: null, end_day: null, start_time: null, end_time: null, time_zone: null };

/** @returns undefined when the section says nothing of hours */
export function scheduleOf(section: Merged, notes: Note[]): Schedule | undefined {
  const note = (said: Said, level: Note['level'], text: string): void =>
    void notes.push({ line: said.line, level, text: `${said.name}: ${text}` });
  notThere(section, note);
  const nonStop = section.get('nonstopsession');
  if (nonStop !== undefined && isYes(nonStop, notes)) {
    for (const name of ['starttime', 'endtime', 'startday', 'endday', 'weekdays'])
      if (section.has(name)) note(section.get(name)!, 'ignored', `NonStopSession=Y in line ${nonStop.line}`);
    return NON_STOP;
  }
  const [start, end] = [section.get('starttime'), section.get('endtime')];
  const [startDay, endDay] = [section.get('startday'), section.get('endday')];
  if (start === undefined || end === undefined) {
    const alone = start ?? end ?? startDay ?? endDay;
    if (alone !== undefined) note(alone, 'wrong', 'StartTime and EndTime are told together');
    return undefined;
  }
  if ((startDay === undefined) !== (endDay === undefined)) {
    note((startDay ?? endDay)!, 'wrong', 'StartDay and EndDay are told together');
    return undefined;
  }
  const from = timeOf(start, note);
  const to = timeOf(end, note);
  const first = startDay && dayOf(startDay, note);
  const last = endDay && dayOf(endDay, note);
  const zone = zoneOf(section, start, end, from?.zone, to?.zone, note);
  if (from === undefined || to === undefined || zone === undefined) return undefined;
  if (startDay !== undefined && (first === undefined || last === undefined)) return undefined;
  return {
    start_day: first ?? null,
    end_day: last ?? null,
    start_time: from.time,
    end_time: to.time,
    // Said in any case: the gateway's zone would be taken otherwise.
    time_zone: zone,
  };
}

type Tell = (said: Said, level: Note['level'], text: string) => void;

function notThere(section: Merged, note: Tell): void {
  const weekdays = section.get('weekdays');
  if (weekdays !== undefined && new Set(weekdays.value.toLowerCase().split(/\s*,\s*/)).size < DAYS.length)
    note(weekdays, 'unsupported', 'hours on some days of the week only; those of every day are imported');
  for (const name of ['logontime', 'logouttime', 'logonday', 'logoutday']) {
    const said = section.get(name);
    if (said !== undefined) note(said, 'unsupported', 'a client may log on whenever its session is open');
  }
}

function timeOf(said: Said, note: Tell): { readonly time: string; readonly zone: string | undefined } | undefined {
  const [, time = '', zone] = /^(\S+)(?:\s+(\S+))?$/.exec(said.value) ?? [];
  if (TIME_OF_DAY.test(time)) return { time, zone };
  note(said, 'wrong', `'${said.value}' is no time HH:MM:SS with or without a time zone behind it`);
  return undefined;
}

/** By its first two letters, as QuickFIX does. */
function dayOf(said: Said, note: Tell): Day | undefined {
  const start = said.value.slice(0, 2).toLowerCase();
  const day = start.length < 2 ? undefined : DAYS.find((one) => one.startsWith(start));
  if (day === undefined) note(said, 'wrong', `'${said.value}' is no day of the week in English`);
  return day;
}

function zoneOf(
  section: Merged,
  start: Said,
  end: Said,
  startZone: string | undefined,
  endZone: string | undefined,
  note: Tell,
): string | undefined {
  const local = section.get('uselocaltime');
  const named = section.get('timezone');
  const general = named?.value ?? 'UTC';
  const [from, to] = [startZone ?? general, endZone ?? general];
  if (local !== undefined && /^y/i.test(local.value)) {
    note(local, 'unsupported', 'the local time of a machine; say the zone by TimeZone');
    return undefined;
  }
  const unknown = [from, to].find((zone) => !isTimeZone(zone));
  if (unknown !== undefined) {
    const said = startZone === unknown ? start : endZone === unknown ? end : (named ?? start);
    note(said, 'wrong', `'${unknown}' is no time zone of the IANA database`);
    return undefined;
  }
  if (from === to) return from;
  note(end, 'unsupported', `a session has one time zone: StartTime is in ${from}, EndTime in ${to}`);
  return undefined;
}
