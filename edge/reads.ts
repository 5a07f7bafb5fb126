/**
 * What comes from sockets: every read lies in one buffer, which all connections share, and is worked off before the next one ({@link Input}
 * keeps what is left of it). So a read is no memory of its own, which would be mapped, touched for the first time and given back each time,
 * and the bytes are near at hand when they are looked at.
 */

import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { SLACK } from './fix/words.ts';
import { READ_PORTION } from './limits.ts';

/** Room before a read, for what is left of the one before. Only a message that is longer than this is ever copied to be joined. */
export const READ_AT = 8192;
/** The buffer: a read is [READ_AT, READ_AT + its length). */
export const READ_BUFFER = Buffer.alloc(READ_AT + READ_PORTION + SLACK);
const INTO = READ_BUFFER.subarray(READ_AT, READ_AT + READ_PORTION);

/** Of a read of so many bytes, and of what was before it, nothing stays there: it may have been a Logon, with its password. */
export function wipe(bytes: number): void {
  READ_BUFFER.fill(0, 0, READ_AT + bytes);
}

/** Node's own of a socket, under the name that its own modules use. */
interface Handled {
  _handle: object | null;
}

/** What Node's constructor of sockets takes besides what it documents. */
interface Taken {
  readonly handle: object;
  readonly onread: { readonly buffer: Uint8Array; readonly callback: (bytes: number) => boolean };
}

/**
 * Reads a socket to its end. What it has read already comes first, in a turn of the event loop of its own.
 * @param read called with the length of each read
 * @returns the socket to write to, to listen to and to pause from now on. `socket` may be another one, which is of no use any more: its
 *   listeners for `close` have gone over, the others have not
 */
export function readsOf(socket: Socket, read: (bytes: number) => void): Socket {
  return readsInPlace(socket, read) ?? readsAsTheyCome(socket, read);
}

/**
 * Has the socket read into the buffer itself. Node offers that (`onread`) for sockets that a program opens, not for those that a server
 * accepts: so the connection's handle is given to another socket, as Node's own modules do.
 * @returns undefined: it cannot be done, and the socket is as it was
 */
function readsInPlace(socket: Socket, read: (bytes: number) => void): Socket | undefined {
  const handle = socket instanceof Socket && !(socket instanceof TLSSocket) ? handleOf(socket) : undefined;
  if (handle === undefined) return undefined;
  const early: Buffer | null = socket.read();
  const callback = (bytes: number): boolean => {
    read(bytes);
    return true;
  };
  const options: Taken = { handle, onread: { buffer: INTO, callback } };
  const reading = new Socket(options as object);
  (socket as unknown as Handled)._handle = null;
  for (const gone of socket.listeners('close')) reading.on('close', gone as () => void);
  if (early !== null)
    process.nextTick(() => {
      if (!reading.destroyed) inPortions(early, read);
    });
  return reading;
}

/** Undefined: the connection has gone, or Node has none that takes a buffer. */
function handleOf(socket: Socket): object | undefined {
  const { _handle: handle } = socket as unknown as Handled;
  return handle !== null && typeof handle === 'object' && 'useUserBuffer' in handle ? handle : undefined;
}

/** Of TLS, and wherever else it must be: in buffers that come one by one. */
function readsAsTheyCome(socket: Socket, read: (bytes: number) => void): Socket {
  socket.on('data', (chunk: Buffer) => inPortions(chunk, read));
  return socket.resume();
}

function inPortions(chunk: Buffer, read: (bytes: number) => void): void {
  for (let at = 0; at < chunk.length; at += READ_PORTION) read(chunk.copy(INTO, 0, at, at + READ_PORTION));
}
