/**
 * A dictionary as data: what the compiled tables under tables/ hold, and what a deployer's XML is read into.
 */

/**
 * A member of a message, component or group, in the order of the specification: a field by its tag, negative when
 * required; a component by its name, with a leading `!` when required; a group by the tag of its count (negative when
 * required) and its own members, the first of which begins each entry.
 */
export type Member = number | string | readonly [count: number, members: readonly Member[]];

/** Tag, name, type; the values it may have; 1 when it may have others too (allowOtherValues). */
export type FieldSource = readonly [tag: number, name: string, type: string, values?: readonly string[], open?: 1];

export type MessageSource = readonly [
  msgType: string,
  name: string,
  category: 'admin' | 'app',
  members: readonly Member[],
];

export interface DictionarySource {
  /** FIX.4.4, FIXT.1.1; for the application versions over FIXT FIX.5.0, FIX.5.0SP1, FIX.5.0SP2. */
  readonly version: string;
  readonly fields: readonly FieldSource[];
  readonly header: readonly Member[];
  readonly trailer: readonly Member[];
  readonly components: Readonly<Record<string, readonly Member[]>>;
  readonly messages: readonly MessageSource[];
  /** The dictionary of the session layer, where it is another one. */
  readonly transport?: DictionarySource;
}

/**
 * FIXT.1.1 carries application messages of another version: header, trailer and session messages are the transport's,
 * the rest is the application's. Component names of the two may differ in meaning, so the transport's get a prefix.
 */
export function overTransport(transport: DictionarySource, application: DictionarySource): DictionarySource {
  const fields = new Map<number, FieldSource>(application.fields.map((field) => [field[0], field]));
  for (const field of transport.fields) {
    const other = fields.get(field[0]);
    // A type both know may have values that only one names; MsgType (35) and RefMsgType (372) do.
    const values = field[3] && other?.[3] ? [...new Set([...field[3], ...other[3]])] : undefined;
    const open = field[4] ?? other?.[4];
    if (values === undefined) fields.set(field[0], field);
    else
      fields.set(
        field[0],
        open ? [field[0], field[1], field[2], values, open] : [field[0], field[1], field[2], values],
      );
  }
  const components: Record<string, readonly Member[]> = { ...application.components };
  for (const [name, members] of Object.entries(transport.components)) components[`T:${name}`] = members.map(prefixed);
  const taken = new Set(transport.messages.map((message) => message[0]));
  return {
    version: transport.version,
    transport,
    fields: [...fields.values()],
    header: transport.header.map(prefixed),
    trailer: transport.trailer.map(prefixed),
    components,
    messages: [
      ...transport.messages.map(
        ([type, name, category, members]) => [type, name, category, members.map(prefixed)] as const,
      ),
      ...application.messages.filter((message) => !taken.has(message[0])),
    ],
  };
}

function prefixed(member: Member): Member {
  if (typeof member === 'number') return member;
  if (typeof member === 'string') return member.startsWith('!') ? `!T:${member.slice(1)}` : `T:${member}`;
  return [member[0], member[1].map(prefixed)];
}
