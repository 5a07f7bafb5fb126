/** Every path and method that is no operation: not_found or method_not_allowed, in the form of all errors. */
import { createHandler } from '../handler.ts';

// No operation is served here, so none gets as far as asking for services.
export const handler = createHandler({}, () => Promise.reject(new Error('this function serves no operation')));
