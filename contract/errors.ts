/** The error catalogue, for whoever knows only the contract, and its page. */
import { type CatalogueEntry, ERRORS } from '../core/errors.ts';

export { ERRORS, type ErrorCode } from '../core/errors.ts';

/** docs/ERRORS.md, equal to the file by test. */
export function errorsPage(): string {
  const rows = Object.entries(ERRORS as Record<string, CatalogueEntry>).map(
    ([code, { status, message, action }]) => `| \`${code}\` | ${status} | ${message} | ${action} |`,
  );
  return [
    '# Errors of the admin API',
    '',
    'Every error has this form; `details` says what is particular to the request, `request_id` is in the logs and in the',
    'audit record of a refused change.',
    '',
    '```json',
    '{"success": false, "error": {"code": "…", "message": "…", "details": [], "request_id": "…"}}',
    '```',
    '',
    'This page is written by `npm run openapi` from `core/errors.ts`; a test keeps them equal.',
    '',
    '| code | status | means | what to do |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}
