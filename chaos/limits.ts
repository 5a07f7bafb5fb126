/** Bounds on what a run of chaos keeps. */

/** Of a process's log, and as much of what came before: some hundred thousand lines, which is an hour of faults. */
export const LOG_BYTES: number = 32 * 1024 * 1024;
/** Between looks at how long logs are. */
export const LOG_LOOK_MS = 5_000;
/** Lines of each kind that are kept of a run; messages of clients: those of a quarter of an hour of a thousand sessions; some 60 MB. */
export const MESSAGE_LINES = 200_000;
