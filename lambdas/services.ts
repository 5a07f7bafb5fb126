/** What the operations are given: the domain's ports, and what belongs to this deployment. */
import type { z } from 'zod';
import type { OperationId } from '../contract/operations.ts';
import type { replies } from '../contract/replies.ts';
import type { requests } from '../contract/requests.ts';
import type { AdminPorts } from '../core/admin.ts';
import type { Actor } from '../core/audit/model.ts';
import type { OnIneligible } from '../core/credentials/facts.ts';
import type { Cursors } from '../core/cursors.ts';
import type { QueryPorts } from '../core/queries.ts';
import type { AnnouncePorts } from '../core/sessions/notices.ts';

export interface Services extends AdminPorts, QueryPorts, Pick<AnnouncePorts, 'pause'> {
  readonly cursors: Cursors;
  readonly on_ineligible: OnIneligible;
  readonly log: Log;
}

/** What is logged is an object; secrets in it print as `[redacted]`. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export type RequestOf<Id extends OperationId> = z.output<(typeof requests)[Id]>;
export type ReplyOf<Id extends OperationId> = z.input<(typeof replies)[Id]>;

/** One operation: a request that fits its schema, to a reply that fits its own. Throws FixgateError. */
export type Run<Id extends OperationId> = (
  services: Services,
  request: RequestOf<Id>,
  actor: Actor,
) => Promise<ReplyOf<Id>>;

/** The operations that a function serves. */
export type Operations = { readonly [Id in OperationId]?: Run<Id> };
