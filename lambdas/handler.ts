/** A deployed function: the operations of one kind of rights behind one handler. */
import middy from '@middy/core';
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from 'aws-lambda';
import { logger } from './log.ts';
import { contract, foundFor, type Internal, json, replies, routing } from './middleware.ts';
import type { Log, Operations, Run, Services } from './services.ts';

export type AdminHandler = (event: APIGatewayProxyEvent, context?: unknown) => Promise<APIGatewayProxyResult>;

/**
 * @param operations those that this function serves; every other path is not_found
 * @param services made once a process, at the first request: what fails then fails that request and is tried again
 */
export function createHandler(
  operations: Operations,
  services: () => Promise<Services>,
  log: Log = logger,
): AdminHandler {
  const handler = middy<APIGatewayProxyEvent, APIGatewayProxyResult, Error, Context, Internal>()
    .use(replies({ log }, () => performance.now()))
    .use(routing(operations, once(services)))
    .use(contract())
    .handler(async (event) => {
      const { operation, services: given, request, actor } = foundFor(event);
      // The schema that parsed the request belongs to the operation that runs: both come from the same row of the table.
      const run = operations[operation.id] as Run<typeof operation.id>;
      return json(operation.status, await run(given, request as never, actor));
    });
  return (event, context = {}) => handler(event, context as never) as Promise<APIGatewayProxyResult>;
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}
