/** What stands between API Gateway and an operation: finding it, reading the request, answering errors. */
import type { MiddlewareObj } from '@middy/core';
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from 'aws-lambda';
import { BASE_PATH, OPERATIONS, type Operation } from '../contract/operations.ts';
import type { Actor } from '../core/audit/model.ts';
import { FixgateError, StoreUnavailable } from '../core/errors.ts';
import { bodyOf, checked, queryOf } from './parse.ts';
import { recordUnread } from './refused.ts';
import type { Operations, Services } from './services.ts';

/** What the steps of one invocation hand on. */
export interface Internal extends Record<string, unknown> {
  started: number;
  services: Services;
  actor: Actor;
  operation: Operation;
  request: unknown;
}

/** Middy hands a handler nothing but event and context: what the steps have found for an event is kept beside it. */
const found = new WeakMap<APIGatewayProxyEvent, Internal>();

/** What the steps have found for this event. */
export function foundFor(event: APIGatewayProxyEvent): Internal {
  const internal = found.get(event);
  if (internal === undefined) throw new TypeError('the steps before the handler did not run');
  return internal;
}

type Step = MiddlewareObj<APIGatewayProxyEvent, APIGatewayProxyResult, Error, Context, Internal>;

/** Answers with JSON, and turns whatever is thrown into an error of the catalogue. Logs each request once. */
export function replies(fallback: Pick<Services, 'log'>, now: () => number): Step {
  return {
    before: ({ internal }) => {
      internal.started = now();
    },
    after: ({ event, internal }) => {
      internal.services.log.info({ ...outline(event, internal), ms: now() - internal.started }, 'request');
    },
    onError: (request) => {
      const { event, internal, error } = request;
      const log = internal.services?.log ?? fallback.log;
      const known = catalogued(error);
      const fields = { ...outline(event, internal), code: known.code, ms: now() - internal.started };
      // What nobody foresaw is logged with its stack, under the id that the reply shows; the reply shows no more.
      if (known.status >= 500) log.error({ ...fields, err: error }, 'request failed');
      else log.warn({ ...fields, details: known.details }, 'request refused');
      const { code, message, details, status } = known;
      const body = { success: false, error: { code, message, details, request_id: requestId(event) } };
      request.response = json(status, body);
    },
  };
}

/** Finds the operation, reads who calls, and makes the services once a process. */
export function routing(operations: Operations, services: () => Promise<Services>): Step {
  return {
    before: async ({ event, internal }) => {
      const path = pathOf(event);
      const here = OPERATIONS.filter((operation) => BASE_PATH + operation.path === path);
      if (here.length === 0) throw new FixgateError('not_found');
      const operation = here.find(({ method }) => method === event.httpMethod);
      if (!operation) {
        throw new FixgateError('method_not_allowed', undefined, [{ allowed: here.map(({ method }) => method) }]);
      }
      if (!(operation.id in operations)) throw new FixgateError('not_found');
      internal.operation = operation;
      internal.services = await services();
      internal.actor = actorOf(event);
      found.set(event, internal);
    },
  };
}

/** Parses the request by the operation's schema. A change that does not get past here is on the record all the same. */
export function contract(): Step {
  return {
    before: async ({ event, internal }) => {
      const { operation, services, actor } = internal;
      let given: unknown;
      try {
        given = operation.method === 'GET' ? queryOf(event) : bodyOf(event);
        internal.request = checked(operation.request, given);
      } catch (error) {
        if (operation.method === 'POST' && error instanceof FixgateError)
          await recordUnread(services, operation.id, actor, error, given);
        throw error;
      }
    },
  };
}

export function json(statusCode: number, value: unknown): APIGatewayProxyResult {
  return {
    statusCode,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
    body: JSON.stringify(value),
    isBase64Encoded: false,
  };
}

function catalogued(error: Error | null | undefined): FixgateError {
  if (error instanceof FixgateError) return error;
  return new FixgateError(error instanceof StoreUnavailable ? 'store_unavailable' : 'internal');
}

function actorOf(event: APIGatewayProxyEvent): Actor {
  const { identity, requestId } = event.requestContext;
  // Under IAM auth API Gateway always names the caller; an event without one was let in by a mistake of deployment.
  if (!identity.userArn) throw new FixgateError('unsigned');
  return {
    principal: identity.userArn,
    ...(identity.sourceIp ? { source_ip: identity.sourceIp } : {}),
    // Cut in the middle of a surrogate pair it would be no Unicode any more, and could not be hashed.
    ...(identity.userAgent ? { user_agent: identity.userAgent.slice(0, 256).toWellFormed() } : {}),
    request_id: requestId,
  };
}

/** The path under the stage. A custom domain's base path stands in `path` only, so the resource wins when it names one. */
function pathOf(event: APIGatewayProxyEvent): string {
  return event.resource?.startsWith(`${BASE_PATH}/`) && !event.resource.includes('{') ? event.resource : event.path;
}

function requestId(event: APIGatewayProxyEvent): string {
  return event.requestContext?.requestId ?? 'unknown';
}

function outline(event: APIGatewayProxyEvent, internal: Partial<Internal>): Record<string, unknown> {
  return {
    request_id: requestId(event),
    method: event.httpMethod,
    path: event.path,
    operation: internal.operation?.id,
    principal: internal.actor?.principal,
  };
}
