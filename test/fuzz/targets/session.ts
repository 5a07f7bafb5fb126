/**
 * A whole session over its connections, from framing to effect, with the real encoder and dictionaries. Steps, one a line:
 * FIX fields from `35=` on (a Logon opens a connection; 8, 9, 49, 56, 52 and 10 are added), `!` bytes as they are, and
 * commands. In values `@+2` is the second number after the one the session expects, `#-1` the last one it sent, `~-5` its
 * clock five milliseconds ago.
 */

import { FRAME_MORE, FRAME_OK, FRAME_TOO_LARGE, Frame, nextFrame } from '../../../edge/fix/framer.ts';
import { Message, TOKENS_OK, tokenise } from '../../../edge/fix/message.ts';
import { AGAIN, ENDED, type Fed, HELD } from '../../../edge/fix/session/ports.ts';
import { numberIn } from '../corpus.ts';
import { changeFix, framed } from '../fix-line.ts';
import { changeBytes } from '../mutate.ts';
import type { Random } from '../random.ts';
import type { Lines, Target } from '../target.ts';
import { World } from './session-world.ts';

const COMMANDS: readonly string[] = [
  ...'drop;wait 1;wait 300;wait 1000;wait 36000;wait 130000;gate hold;gate open;gate unsupported;stuck;free'.split(';'),
  ...'send;send;send 3;kill;logout;numbers;test'.split(';'),
];
const ORDER = '11=id\x0121=1\x0155=INTC\x0154=1\x0160=~\x0138=100\x0140=1\x01';
const NEWS = '148=x\x0133=1\x0158=y\x01';
const STEPS: readonly string[] = [
  '35=A|34=@|98=0|108=30|',
  '35=A|34=@|98=0|108=1|141=Y|',
  '35=A|34=@+3|98=0|108=30|',
  '35=A|34=@|98=0|108=30|789=#-1|',
  '35=A|34=@|98=0|108=30|1137=9|',
  '35=0|34=@|',
  '35=1|34=@|112=t|',
  '35=1|34=@+1|112=t|',
  '35=2|34=@|7=1|16=0|',
  '35=2|34=@+5|7=1|16=#-1|',
  '35=4|34=@|123=Y|36=@+3|',
  '35=4|34=@+1|43=Y|122=~|123=Y|36=@+4|',
  '35=4|34=@|36=@+10|',
  '35=4|34=1|123=N|36=@|',
  '35=3|34=@|45=1|',
  '35=5|34=@|',
  '35=5|34=@+2|',
  `35=D|34=@|${ORDER}`,
  `35=D|34=@|${ORDER}`,
  `35=D|34=@+1|${ORDER}`,
  `35=D|34=@+2|43=Y|122=~|${ORDER}`,
  `35=D|34=@|43=Y|122=~+1000|${ORDER}`,
  `35=D|34=@-1|43=Y|122=~|${ORDER}`,
  `35=B|34=@|${NEWS}`,
  '35=UU|34=@|',
  '35=D|34=@|',
];

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

/** `@`, `#` and `~` in values become what they stand for now. */
function filled(text: string, world: World): string {
  const stands = { '@': world.store.nextIn, '#': world.store.nextOut };
  return text
    .replaceAll(
      /=([@#])([+-]\d{1,6})?(?=\x01|$)/g,
      (_, which: '@' | '#', by = '0') => `=${Math.max(0, stands[which] + Number(by))}`,
    )
    .replaceAll(/=~([+-]\d{1,7})?(?=\x01|$)/g, (_, by = '0') => `=${world.stamp(Number(by))}`);
}

function wire(line: Buffer, world: World): Buffer {
  const text = filled(line.toString('latin1'), world);
  if (text.startsWith('!')) return latin1(text.slice(1));
  const has = (tag: number) => new RegExp(`\\x01${tag}=`).test(`\x01${text}`);
  const head = /^35=[^\x01]*\x01(?:34=[^\x01]*\x01)?/.exec(text)?.[0] ?? '';
  const ids = `${has(49) ? '' : '49=TW\x01'}${has(56) ? '' : '56=ISLD\x01'}${has(52) ? '' : `52=${world.stamp(0)}\x01`}`;
  const begin = /^8=[^\x01]*\x01/.exec(text)?.[0];
  if (begin !== undefined) return framed(begin, text.slice(begin.length));
  return framed(`8=${world.beginString}\x01`, head + ids + text.slice(head.length));
}

/** What a connection does with its bytes (edge/connection.ts): frames, one at a time, as long as the session takes them. */
class Connection {
  #input = Buffer.alloc(0);
  #holding = false;
  readonly #frame = new Frame();
  readonly #message = new Message();

  receive(bytes: Buffer, world: World): void {
    this.#input = Buffer.concat([this.#input, bytes]).subarray(-1_000_000);
    this.#feed(world);
  }

  granted(world: World): void {
    if (!this.#holding) return;
    this.#holding = false;
    const fed = world.session.held ? world.session.resume(world.now) : 0;
    if (fed === HELD) this.#holding = true;
    else this.#feed(world);
  }

  #feed(world: World): void {
    while (!this.#holding && world.open) {
      const frame = this.#frame;
      const { length } = this.#input;
      const result = nextFrame(this.#input, 0, length, world.profile.max_message_bytes, frame);
      if (result === FRAME_TOO_LARGE) world.cut = true;
      if (result === FRAME_OK) {
        const fed = this.#take(world);
        this.#holding = fed === AGAIN || fed === HELD;
        if (fed === AGAIN) return;
        if (fed === ENDED) world.cut = true;
      }
      this.#input = this.#input.subarray(frame.resume);
      if (result === FRAME_MORE) return;
    }
  }

  /** The message in the frame: a Logon while nobody is logged on, which a front desk has let through. */
  #take(world: World): Fed {
    const message = this.#message;
    const tokens = tokenise(this.#input, this.#frame.start, this.#frame.end, message);
    if (world.loggedOn) return world.session.onMessage(message, tokens, world.now);
    const told =
      tokens === TOKENS_OK &&
      message.text(message.msgTypeField) === 'A' &&
      message.equals(message.senderCompId, 'TW') &&
      message.equals(message.targetCompId, 'ISLD') &&
      !Number.isNaN(message.utc(message.sendingTime)) &&
      message.uint(message.msgSeqNum) >= 1;
    if (!told) return ENDED;
    const result = world.session.onLogon(message, world.output, world.now);
    if (result.accepted) world.loggedOn = true;
    else world.refuse(result.text);
    return result.accepted ? 0 : ENDED;
  }
}

/** @returns whether the line was a command */
function command(text: string, world: World, connection: Connection): boolean {
  const [word = '', ...rest] = text.split(' ');
  const number = numberIn(rest[0] ?? '', 200_000);
  const verbs: Readonly<Record<string, () => void>> = {
    drop: () => {
      world.cut = true;
    },
    wait: () => world.pass(number),
    gate: () => {
      world.gate = rest[0] === 'hold' ? 'hold' : rest[0] === 'unsupported' ? 'unsupported' : 'open';
      if (world.gate !== 'hold') connection.granted(world);
    },
    stuck: () => {
      world.stuck = 64 * 1024 * 1024;
    },
    free: () => {
      world.stuck = 0;
    },
    send: () => {
      for (let times = Math.min(600, number || 1); times > 0; times--) world.send();
    },
    kill: () => world.session.end('killed', world.now),
    logout: () => world.session.logout('bye', world.now),
    numbers: () => void world.session.resetNumbers(world.now),
    test: () => world.session.testRequest(world.now),
  };
  if (!Object.hasOwn(verbs, word)) return false;
  verbs[word]!();
  return true;
}

function check(lines: Lines): void {
  const settings = /^profile (.*)$/.exec(lines[0]?.toString('latin1') ?? '')?.[1];
  const world = new World(settings ?? '');
  let connection = new Connection();
  for (const line of settings === undefined ? lines : lines.slice(1)) {
    if (!command(line.toString('latin1'), world, connection)) {
      world.open = true;
      connection.receive(wire(line, world), world);
    }
    world.settle();
    if (!world.open) connection = new Connection();
  }
}

const PROFILES: readonly string[] = [
  ...'FIX.4.0 FIX.4.2 FIX.4.4 FIXT.1.1 reset_on_logon reset_on_logout reset_on_disconnect reject_garbled_message'.split(
    ' ',
  ),
  ...'enable_next_expected_msg_seq_num enable_last_msg_seq_num_processed resend_request_chunk_size=3'.split(' '),
  ...'persist_messages=0 requires_orig_sending_time=0 check_latency=0'.split(' '),
];

export const target: Target = {
  name: 'session',
  inputs: 300,
  line(random: Random) {
    if (random.chance(12)) return latin1(`profile ${random.pick(PROFILES)} ${random.pick(PROFILES)}`);
    return latin1(random.chance(3) ? random.pick(COMMANDS) : random.pick(STEPS).replaceAll('|', '\x01'));
  },
  mutate(line: Buffer, random: Random) {
    if (/^35=/.test(line.toString('latin1'))) return changeFix(line, random);
    return random.chance(4) ? changeBytes(line, random) : latin1(random.pick(COMMANDS));
  },
  check,
};
