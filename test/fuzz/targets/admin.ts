/**
 * The admin API from event to reply, over stores in memory: requests, one a line, `POST /path {…}` or `GET /path a=b&c=d`.
 * Every reply has a status and a code that the contract lists for its operation, fits its schema, and is never a 500.
 */

import type { APIGatewayProxyEvent } from 'aws-lambda';
import { BODY_ERRORS, COMMON_ERRORS, OPERATIONS, type Operation } from '../../../contract/operations.ts';
import { error as errorSchema, replies } from '../../../contract/replies.ts';
import { ERRORS, type ErrorCode } from '../../../core/errors.ts';
import { Api, restEvent } from '../../lambdas/support.ts';
import { changeBytes, NUMBERS } from '../mutate.ts';
import type { Random } from '../random.ts';
import { hold, type Lines, type Target } from '../target.ts';

const FACTS = { account_balance: 5000, trading_volume: 50_000, account_age_days: 90, kyc_level: 3 };
/** A body or query that each operation takes. */
const REQUESTS: Readonly<Record<string, object>> = {
  provision: { user_id: 'u1', rate_limit_tier: 'basic', ...FACTS, sender_comp_id: 'S1', allowed_ips: ['10.0.0.0/8'] },
  revoke: { user_id: 'u1', reason: 'r' },
  suspend: { sender_comp_id: 'S1', reason: 'r' },
  reactivate: { user_id: 'u1', reason: 'r' },
  regeneratePassword: { user_id: 'u1', grace_seconds: 60 },
  credentials: { limit: '5', status: 'active' },
  userCredentials: { user_id: 'u1' },
  updateUser: { user_id: 'u1', kyc_level: 2, groups: ['g'], if_version: 1 },
  killSessions: { user_id: 'u1', reason: 'r' },
  userSessions: { user_id: 'u1' },
  rateLimits: { tier: 'basic' },
  updateRateLimit: { user_id: 'u1', tier: 'premium', reason: 'r' },
  resetViolations: { user_id: 'u1' },
  putTier: { name: 't1', orders_per_second: 5, messages_per_second: 10, max_sessions: 2, burst: 10 },
  removeTier: { name: 't1' },
  addRule: {
    id: 'r1',
    name: 'n',
    message: 'm',
    type: 'custom',
    expression: 'user.kyc_level > 1 && "g" in user.groups',
  },
  removeRule: { id: 'r1' },
  enableRule: { id: 'r1' },
  disableRule: { id: 'min_balance' },
  setOverride: { user_id: 'u1', rule_id: 'min_balance', threshold: 5, reason: 'r', expires_at: '2026-02-01T00:00:00Z' },
  removeOverride: { user_id: 'u1', rule_id: 'min_balance' },
  evaluate: { user_id: 'u1' },
  audit: { from: '2026-01-01T00:00:00Z', limit: '3' },
};

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

function requestOf({ id, method, path }: Operation): string {
  const given = REQUESTS[id] ?? {};
  if (method === 'GET') return `GET ${path} ${new URLSearchParams(given as Record<string, string>)}`;
  return `POST ${path} ${JSON.stringify(given)}`;
}

/** The event API Gateway makes of a line; a body in base64 where it is no UTF-8. */
function eventOf(line: Buffer): APIGatewayProxyEvent {
  const [, method = '', path = '', rest = ''] = /^(\S*) ?(\S*) ?(.*)$/s.exec(line.toString('latin1'))!;
  if (method !== 'GET') {
    const body = latin1(rest);
    const isText = Buffer.from(body.toString('utf8')).equals(body);
    return restEvent(
      method,
      path,
      isText ? { body: body.toString('utf8') } : { body: body.toString('base64'), base64: true },
    );
  }
  const multi: Record<string, string[]> = {};
  const query: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(latin1(rest).toString('utf8'))) {
    if (name === '__proto__') continue;
    multi[name] = [...(Object.hasOwn(multi, name) ? multi[name]! : []), value];
    query[name] = value;
  }
  return restEvent('GET', path, { query, multi });
}

function prove(line: string, operation: Operation | undefined, status: number, text: string): void {
  const body: unknown = JSON.parse(text);
  const told = () => `${line} is answered ${status} ${text.slice(0, 300)}`;
  if (status < 300) {
    hold(operation !== undefined && status === operation.status, told);
    const fits = replies[operation.id].safeParse(body);
    hold(fits.success, () => `${told()}: ${fits.error?.message}`);
    return;
  }
  hold(errorSchema.safeParse(body).success, told);
  const { code } = (body as { readonly error: { readonly code: ErrorCode } }).error;
  hold(Object.hasOwn(ERRORS, code) && ERRORS[code].status === status, told);
  const listed =
    operation === undefined
      ? ['not_found', 'method_not_allowed']
      : [...COMMON_ERRORS, ...(operation.method === 'POST' ? BODY_ERRORS : []), ...operation.errors];
  hold(listed.includes(code), () => `${told()}, which the contract does not list`);
  hold(status < 500, told);
}

async function check(lines: Lines): Promise<void> {
  const api = await Api.create();
  await api.provision('u1', { sender_comp_id: 'S0', additional_credential: true });
  for (const line of lines) {
    const event = eventOf(line);
    const path = event.path.replace('/admin/fix', '');
    const operation = OPERATIONS.find((one) => one.path === path && one.method === event.httpMethod);
    const result = await api.event(event, operation?.rights);
    prove(line.toString('latin1').slice(0, 300), operation, result.statusCode, result.body);
  }
  const errors = api.logged.filter(({ level }) => level === 'error');
  hold(errors.length === 0, () => `logged: ${JSON.stringify(errors[0])}`);
}

const VALUES: readonly string[] = [
  ...NUMBERS,
  ...[
    'null',
    'true',
    '[]',
    '{}',
    '""',
    '"\\u0000"',
    '"\\ud800"',
    '"__proto__"',
    '-1',
    '1e400',
    '1e-400',
    '0.1',
    '[[[[]]]]',
  ],
  ...[
    '"2026-02-30T00:00:00Z"',
    '"9999-12-31T23:59:59.999Z"',
    '"0000-01-01T00:00:00Z"',
    '"10.0.0.0/33"',
    '"::/0"',
    '"1.1.1.1-1.1.1.0"',
  ],
  ...[
    '"u1"',
    '"r1"',
    '"t1"',
    '"basic"',
    '"S1"',
    `"${'x'.repeat(70)}"`,
    `"${'\xc3\xa9'.repeat(70)}"`,
    '"user.kyc_level"',
    '"1/0 > user.kyc_level"',
  ],
  ...[
    `"${'('.repeat(300)}1${')'.repeat(300)}"`,
    '"user.groups.all(g, user.groups.all(h, g == h))"',
    '"size(user.groups) > 9223372036854775807"',
  ],
];
const KEYS: readonly string[] = [
  'user_id',
  'reason',
  'if_version',
  'type',
  'cursor',
  '__proto__',
  'constructor',
  'limit',
  'id',
  'a.b',
  '',
];

/** A value, a key or a member of a JSON text, changed where it stands; a query likewise. */
function changeRequest(line: Buffer, random: Random): Buffer {
  const text = line.toString('latin1');
  const places = [...text.matchAll(/"(?:[^"\\]|\\.)*"|-?\d[\d.e+-]*|true|false|null|(?<==)[^&]*/g)];
  const place = random.pick(places);
  if (place === undefined || random.chance(6)) return changeBytes(line, random);
  const before = text.slice(0, place.index);
  const after = text.slice(place.index + place[0].length);
  switch (random.below(6)) {
    case 0:
      return latin1(`${before}${JSON.stringify(random.pick(KEYS))}${after}`);
    case 1:
      return latin1(text.replace(/\}$/, `,${JSON.stringify(random.pick(KEYS))}:${random.pick(VALUES)}}`));
    case 2:
      return latin1(`${before}${place[0]}&${random.pick(KEYS)}=${random.pick(VALUES)}${after}`);
    default:
      return latin1(`${before}${random.pick(VALUES)}${after}`);
  }
}

export const target: Target = {
  name: 'admin',
  inputs: 40,
  line: (random) => latin1(requestOf(random.pick(OPERATIONS))),
  mutate: changeRequest,
  check,
};
