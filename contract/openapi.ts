/** OpenAPI 3.1 from the schemas: the one description of the API, so that none can be out of date. */
import * as z from 'zod';
import { ERRORS, type ErrorCode } from '../core/errors.ts';
import { DEFAULT_LIMIT, MAX_LIMIT } from './fields.ts';
import { BASE_PATH, BODY_ERRORS, COMMON_ERRORS, OPERATIONS, type Operation } from './operations.ts';
import { error, replies } from './replies.ts';

type Json = Record<string, unknown>;

const COMPONENTS = '#/components/schemas/';

/** docs/openapi.json as a value. */
export function openapi(version: string): Json {
  const components: Json = {};
  const paths: Json = {};
  const errorReply = schemaOf(error, 'output', components);
  for (const operation of OPERATIONS) {
    paths[BASE_PATH + operation.path] = {
      [operation.method.toLowerCase()]: describe(operation, errorReply, components),
    };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'fixgate admin API',
      version,
      description: 'Requests are signed with AWS Signature Version 4 (service execute-api).',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{ sigv4: [] }],
    paths,
    components: {
      schemas: components,
      securitySchemes: {
        sigv4: { type: 'apiKey', name: 'Authorization', in: 'header', 'x-amazon-apigateway-authtype': 'awsSigv4' },
      },
    },
  };
}

function describe(operation: Operation, errorReply: Json, components: Json): Json {
  const request = schemaOf(operation.request, 'input', components);
  return {
    operationId: operation.id,
    summary: operation.summary,
    'x-rights': operation.rights,
    ...(operation.method === 'GET'
      ? { parameters: parameters(request) }
      : { requestBody: { required: true, content: { 'application/json': { schema: request } } } }),
    responses: {
      [operation.status]: {
        description: 'Done',
        content: { 'application/json': { schema: schemaOf(replies[operation.id], 'output', components) } },
      },
      ...errorResponses(operation, errorReply),
    },
  };
}

function parameters(schema: Json): Json[] {
  const required = new Set((schema.required as string[] | undefined) ?? []);
  return Object.entries((schema.properties as Record<string, Json> | undefined) ?? {}).map(([name, property]) => {
    const { description, ...rest } = property;
    // All of a query is text on its way here; who writes a client wants to know what it stands for.
    const shown = name === 'limit' ? { type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT } : rest;
    return { name, in: 'query', required: required.has(name), ...(description ? { description } : {}), schema: shown };
  });
}

function errorResponses(operation: Operation, schema: Json): Json {
  const codes = [...operation.errors, ...COMMON_ERRORS, ...(operation.method === 'POST' ? BODY_ERRORS : [])];
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) byStatus.set(ERRORS[code].status, [...(byStatus.get(ERRORS[code].status) ?? []), code]);
  const sorted = [...byStatus].sort(([a], [b]) => a - b);
  return Object.fromEntries(
    sorted.map(([status, of]) => [status, { description: of.join(', '), content: { 'application/json': { schema } } }]),
  );
}

/** A schema with its named parts moved to `components`. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output', components: Json): Json {
  const { $schema: _, $defs, ...root } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Json;
  for (const [name, part] of Object.entries(($defs as Json | undefined) ?? {})) components[name] = relink(part);
  const linked = relink(root) as Json;
  if (typeof linked.id !== 'string') return linked;
  components[linked.id] = linked;
  return { $ref: COMPONENTS + linked.id };
}

function relink(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(relink);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) =>
      key === '$ref' && typeof part === 'string' ? [key, part.replace('#/$defs/', COMPONENTS)] : [key, relink(part)],
    ),
  );
}
