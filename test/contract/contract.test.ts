import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { createExpressions } from '../../adapters/cel/expressions.ts';
import { errorsPage } from '../../contract/errors.ts';
import { compId, credentialStatus, MAX_EXPRESSION } from '../../contract/fields.ts';
import { openapi } from '../../contract/openapi.ts';
import { BODY_ERRORS, COMMON_ERRORS, OPERATIONS } from '../../contract/operations.ts';
import { COMP_ID_PATTERN } from '../../core/credentials/model.ts';
import { ERRORS } from '../../core/errors.ts';

const root = join(import.meta.dirname, '..', '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

describe('what is written down', () => {
  test('docs/openapi.json is what the schemas say', () => {
    const { version } = JSON.parse(read('package.json'));
    expect(JSON.parse(read('docs/openapi.json'))).toEqual(JSON.parse(JSON.stringify(openapi(version))));
  });

  test('docs/ERRORS.md is what the catalogue says', () => {
    expect(read('docs/ERRORS.md')).toBe(errorsPage());
  });

  test('the contract’s lists are the domain’s', () => {
    expect(credentialStatus.options).toEqual(['active', 'suspended', 'revoked']);
    for (const id of ['A', 'a.b:c/d-e_f', '', 'a b', 'x'.repeat(64), 'x'.repeat(65), 'é', 'A\n']) {
      expect(compId.safeParse(id).success).toBe(COMP_ID_PATTERN.test(id));
    }
  });
});

describe('the description', () => {
  // biome-ignore lint/suspicious/noExplicitAny: JSON, looked at where it has what is looked for
  const { paths } = openapi('0') as any;
  const body = (path: string) => paths[`/admin/fix/${path}`].post.requestBody.content['application/json'].schema;

  test('says which fields go without each other, as the schemas do', () => {
    expect(body('revoke').oneOf).toEqual([{ required: ['user_id'] }, { required: ['sender_comp_id'] }]);
    expect(body('sessions/kill').oneOf).toEqual([{ required: ['session_id'] }, { required: ['user_id'] }]);
    expect(body('users/update').anyOf).toHaveLength(5);
    expect(body('provision')).not.toHaveProperty('oneOf');
  });

  test('says what a limit is, not that all of a query is text', () => {
    for (const { method, path } of OPERATIONS) {
      if (method === 'POST') continue;
      const limit = paths[`/admin/fix${path}`].get.parameters.find((one: { name: string }) => one.name === 'limit');
      const listed = !['/rules/evaluate', '/stats'].includes(path);
      expect(limit?.schema).toEqual(listed ? { type: 'integer', minimum: 1, maximum: 1000, default: 100 } : undefined);
    }
  });

  test('has the compiler’s bound of an expression', () => {
    const { compile } = createExpressions();
    const expression = (length: number) => `"${'x'.repeat(length - 6)}"==""`;
    expect(compile(expression(MAX_EXPRESSION))).toMatchObject({ ok: true });
    expect(compile(expression(MAX_EXPRESSION + 1))).toMatchObject({ ok: false });
    const custom = body('rules/add').oneOf.find(
      (one: Record<string, unknown>) => 'expression' in (one.properties as object),
    );
    expect(custom.properties.expression.maxLength).toBe(MAX_EXPRESSION);
  });
});

describe('the table of operations', () => {
  test('has 39, each with a path, an id and a method of its own', () => {
    expect(OPERATIONS).toHaveLength(39);
    expect(new Set(OPERATIONS.map((one) => one.path)).size).toBe(39);
    expect(new Set(OPERATIONS.map((one) => one.id)).size).toBe(39);
    for (const { method, rights } of OPERATIONS) expect(method === 'GET').toBe(rights === 'read');
  });

  test('only provision makes something: 201', () => {
    expect(OPERATIONS.filter((one) => one.status === 201).map((one) => one.id)).toEqual(['provision']);
  });

  test('every error of the catalogue is one that something answers', () => {
    const answered = new Set([
      ...COMMON_ERRORS,
      ...BODY_ERRORS,
      ...OPERATIONS.flatMap((one) => one.errors),
      'not_found',
      'method_not_allowed',
    ]);
    expect([...answered].sort()).toEqual(Object.keys(ERRORS).sort());
  });

  test.each(OPERATIONS.map((one) => [one.id, one] as const))('%s refuses what it does not know', (_id, operation) => {
    const parsed = operation.request.safeParse({ surely_unknown: 1, type: 'custom' });
    expect(parsed.success).toBe(false);
    expect(JSON.stringify(parsed.error?.issues)).toContain('surely_unknown');
  });

  test('a password is in two replies and nowhere else', () => {
    const document = openapi('0');
    const paths = Object.entries(document.paths as Record<string, unknown>);
    const shown = paths.filter(([, path]) => JSON.stringify(path).includes('IssuedCredentials')).map(([path]) => path);
    expect(shown).toEqual(['/admin/fix/provision', '/admin/fix/regenerate-password']);
    const schemas = Object.entries((document.components as { schemas: Record<string, unknown> }).schemas);
    const named = schemas
      .filter(([, schema]) => /"(?:password|sealed|salt|verifiers?)":/.test(JSON.stringify(schema)))
      .map(([name]) => name);
    expect(named).toEqual(['IssuedCredentials']);
  });
});
