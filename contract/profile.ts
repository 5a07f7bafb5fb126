/** The session profile as requests give it and replies show it, made from the domain's table of settings. */
import * as z from 'zod';
import {
  FILE_NAME,
  isTimeZone,
  type ProfileChange,
  type ProfileOverrides,
  SETTINGS,
  type SettingShape,
  TIME_OF_DAY,
} from '../core/sessions/profile.ts';

/** Longest name of a time zone that is looked up. */
const ZONE_LENGTH = 64;

function schemaOf(shape: SettingShape): z.ZodType {
  switch (shape.kind) {
    case 'flag':
      return z.boolean();
    case 'whole':
      return z.int().min(shape.min).max(shape.max);
    case 'one_of':
      return z.enum(shape.values);
    case 'some_of':
      return z.array(z.enum(shape.values)).min(1).max(shape.values.length);
    case 'time_of_day':
      return z.string().regex(TIME_OF_DAY, 'HH:MM:SS');
    case 'time_zone':
      return z
        .string()
        .max(ZONE_LENGTH)
        .refine(isTimeZone, 'is no time zone of the IANA database')
        .describe('IANA name');
    case 'file_names':
      return z
        .array(z.string().regex(FILE_NAME, 'is no name of a file'))
        .max(shape.most)
        .describe(
          'Names of files in the dictionary directory of the edges. Only they know it: a Logon is refused for a name that they do not have',
        );
    case 'fields':
      return z.strictObject(mapped(shape.fields, schemaOf));
  }
}

function mapped<T>(
  shapes: Readonly<Record<string, SettingShape>>,
  schema: (shape: SettingShape) => T,
): Record<string, T> {
  return Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, schema(shape)]));
}

const shapes = Object.fromEntries(Object.entries(SETTINGS).map(([name, { shape }]) => [name, shape]));

const ABOUT =
  'Settings of FIX sessions, by QuickFIX’s names in snake case, over the gateway’s default. In force from the next Logon on';

export const sessionProfile = z
  .strictObject(mapped(shapes, (shape) => schemaOf(shape).optional()))
  .describe(ABOUT)
  .meta({ id: 'SessionProfile' }) as unknown as z.ZodType<ProfileOverrides, ProfileOverrides>;

export const sessionProfileChange = z
  .strictObject(mapped(shapes, (shape) => schemaOf(shape).nullable().optional()))
  .describe(`${ABOUT}; null takes an override away, what is not named stays`)
  .check((context) => {
    if (Object.keys(context.value).length > 0) return;
    context.issues.push({
      code: 'custom',
      message: 'at least one setting is required',
      path: [],
      input: context.value,
    });
  })
  .meta({ id: 'SessionProfileChange', minProperties: 1 }) as unknown as z.ZodType<ProfileChange, ProfileChange>;
