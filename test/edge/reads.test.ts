// The buffer that all reads lie in: what is kept of them, and sockets that read into it.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Frame } from '../../edge/fix/framer.ts';
import { Input } from '../../edge/input.ts';
import { READ_PORTION } from '../../edge/limits.ts';
import { READ_AT, READ_BUFFER, readsOf, wipe } from '../../edge/reads.ts';
import { until } from '../support/until.ts';

/** As if a socket had read this. */
function read(input: Input, bytes: Uint8Array): void {
  READ_BUFFER.set(bytes, READ_AT);
  input.append(bytes.length);
}

const inputOf = ({ buf, start, end }: Input): Buffer => Buffer.from(buf.subarray(start, end));

describe('inputs', () => {
  test('of several connections give back what was read, however it is cut and taken', () => {
    const large = fc.integer({ min: 5_000, max: READ_PORTION }).map((length) => new Uint8Array(length).fill(length));
    const bytes = fc.oneof(
      { arbitrary: fc.uint8Array({ maxLength: 300 }), weight: 3 },
      { arbitrary: large, weight: 1 },
    );
    const take = fc.oneof(fc.nat(400), fc.nat(50_000));
    const one = fc.record({ of: fc.nat(2), bytes, take, again: fc.nat(400) });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 30 }), (reads) => {
        const inputs = [0, 1, 2].map(() => ({ input: new Input(), put: [] as Uint8Array[], taken: [] as Buffer[] }));
        const takeOf = ({ input, taken }: (typeof inputs)[0], most: number): void => {
          const taking = Math.min(input.length, most);
          taken.push(Buffer.from(input.buf.subarray(input.start, input.start + taking)));
          input.start += taking;
          input.settle();
        };
        for (const { of, bytes, take, again } of reads) {
          const each = inputs[of]!;
          each.put.push(bytes);
          read(each.input, bytes);
          takeOf(each, take);
          wipe(READ_PORTION);
          takeOf(each, again); // as when a message that waited goes on
        }
        for (const { input, put, taken } of inputs) {
          const given = Buffer.concat([...taken, inputOf(input)]);
          expect(given.equals(Buffer.concat(put))).toBe(true);
        }
      }),
    );
  });

  test('put a message that is longer than the room before a read together, and let go of that memory', () => {
    const input = new Input();
    for (let i = 0; i < 10; i++) {
      read(input, Buffer.alloc(20_000, i));
      input.settle();
    }
    expect(inputOf(input).equals(Buffer.concat(Array.from({ length: 10 }, (_, i) => Buffer.alloc(20_000, i))))).toBe(
      true,
    );
    input.start = input.end;
    input.settle();
    expect([input.length, input.buf.length]).toEqual([0, 0]);
  });

  test('keep nothing of a Logon that has been dealt with', () => {
    const input = new Input();
    read(input, Buffer.from('554=secret\x01next'));
    input.settle();
    wipe(15);
    const { buf } = input;
    input.drop(Object.assign(new Frame(), { start: 0, end: 11, resume: 11 }));
    expect(inputOf(input).toString()).toBe('next');
    for (const bytes of [buf, READ_BUFFER]) expect(bytes.includes('secret')).toBe(false);
    expect(input.buf).toBe(buf);
    input.drop(Object.assign(new Frame(), { start: 11, end: 15, resume: 15 }));
    expect(input.buf.length).toBe(0);
  });
});

describe('a socket', () => {
  const opened: { server: Server; client: Socket; socket: Socket }[] = [];

  afterEach(() => {
    for (const { server, client, socket } of opened.splice(0)) {
      client.destroy();
      socket.destroy();
      server.close();
    }
  });

  /** Two ends of a connection, the second one accepted. */
  async function pair(): Promise<{ client: Socket; socket: Socket }> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    client.on('error', () => {});
    const [socket] = (await once(server, 'connection')) as [Socket];
    opened.push({ server, client, socket });
    return { client, socket };
  }

  const heardBy = (heard: string[]) => (bytes: number) =>
    void heard.push(READ_BUFFER.toString('latin1', READ_AT, READ_AT + bytes));

  test('that a server accepted reads into the buffer itself', async () => {
    const { client, socket } = await pair();
    const heard: string[] = [];
    const reading = readsOf(socket, heardBy(heard));
    // Were Node's own names others one day, all would go on, by way of buffers that come one by one: this says so.
    expect(reading).not.toBe(socket);
    expect(reading.remoteAddress).toBe('127.0.0.1');
    client.write('one');
    await until('the read', () => heard.join('') === 'one');
    reading.write('two');
    const [answer] = await once(client, 'data');
    expect(String(answer)).toBe('two');
  });

  test('says when it ends, fails and closes, and so it does to whoever had waited for that before', async () => {
    const { client, socket } = await pair();
    const events: string[] = [];
    socket.on('close', () => events.push('closed before'));
    const reading = readsOf(socket, () => {});
    reading.on('end', () => events.push('end')).on('close', () => events.push('close'));
    client.end();
    await until('all events', () => events.length === 3);
    expect(events).toEqual(['end', 'closed before', 'close']);
    expect(reading.destroyed).toBe(true);

    const other = await pair();
    const broken = readsOf(other.socket, () => {});
    const error = once(broken, 'error');
    other.client.resetAndDestroy();
    expect((await error)[0]).toMatchObject({ code: 'ECONNRESET' });
  });

  test('is paused at once, and loses nothing', async () => {
    const { client, socket } = await pair();
    let length = 0;
    const reading = readsOf(socket, (bytes) => {
      length += bytes;
      reading.pause();
    });
    const all = 40 * READ_PORTION;
    client.write(Buffer.alloc(all));
    await until('a read', () => length > 0);
    await new Promise((passed) => setTimeout(passed, 50));
    expect(length).toBeLessThanOrEqual(READ_PORTION);
    while (length < all) {
      const before = length;
      reading.resume();
      await until('the next read', () => length > before);
    }
    expect(length).toBe(all);
  });

  test('gives first what had been read of it before', async () => {
    const { client, socket } = await pair();
    client.write('header, then this');
    const [early] = await once(socket, 'data');
    socket.pause().unshift((early as Buffer).subarray(8));
    const heard: string[] = [];
    readsOf(socket, heardBy(heard));
    expect(heard).toEqual([]);
    client.write(' and that');
    await until('all bytes', () => heard.join('') === 'then this and that');
  });

  test('that has gone already is left as it is', async () => {
    const { socket } = await pair();
    socket.destroy();
    expect(readsOf(socket, () => {})).toBe(socket);
  });

  test('without a handle of that kind comes in buffers, however large', async () => {
    const pipe = new PassThrough({ highWaterMark: 10 * READ_PORTION });
    const lengths: number[] = [];
    const sums: number[] = [];
    const bytes = Buffer.from(Uint8Array.from({ length: 2.5 * READ_PORTION }, (_, i) => (i >> 8) & 0xff));
    const reading = readsOf(pipe as unknown as Socket, (length) => {
      lengths.push(length);
      sums.push(...READ_BUFFER.subarray(READ_AT, READ_AT + length));
    });
    expect(reading).toBe(pipe);
    pipe.write(Buffer.from(bytes));
    await until('three portions', () => lengths.length === 3);
    expect(lengths).toEqual([READ_PORTION, READ_PORTION, READ_PORTION / 2]);
    expect(Buffer.from(sums).equals(bytes)).toBe(true);
  });

  test('that has never been connected is left as it is, too', () => {
    const socket = new Socket();
    expect(readsOf(socket, () => {})).toBe(socket);
  });
});
