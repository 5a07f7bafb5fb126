/** One Logon and Logout over FIX.4.4, as a client makes them, with the time that the answer took. */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export interface CanaryLine {
  readonly host: string;
  readonly port: number;
  /** Begin with a PROXY header, as the balancer does: it says that the connection is its own. */
  readonly proxyProtocol: boolean;
  readonly tls: boolean;
  readonly sender_comp_id: string;
  readonly target_comp_id: string;
  readonly password: string;
  readonly timeoutMs: number;
}

const SOH = '\x01';
/** Version 2, LOCAL, no address (PROXY protocol, section 2.2). */
const PROXY_LOCAL = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex');
/** An answer to a Logon is far shorter. */
const LONGEST_ANSWER = 8192;

/** Milliseconds from the Logon to its answer. Rejects when it is refused, does not come, or the line breaks. */
export async function logonTime(line: CanaryLine, now: () => Date): Promise<number> {
  const socket = await dial(line);
  try {
    const since = performance.now();
    socket.write(
      message(
        line,
        1,
        now(),
        `98=0${SOH}108=30${SOH}141=Y${SOH}553=${line.sender_comp_id}${SOH}554=${line.password}`,
        'A',
      ),
    );
    const answer = await firstMessage(socket, line.timeoutMs);
    const took = performance.now() - since;
    if (field(answer, 35) !== 'A') throw new Error(`the Logon was refused: ${field(answer, 58) ?? field(answer, 35)}`);
    socket.end(message(line, 2, now(), undefined, '5'));
    return took;
  } finally {
    socket.setTimeout(1000, () => socket.destroy());
  }
}

function dial({ host, port, proxyProtocol, tls, timeoutMs }: CanaryLine): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const plain = connect({ host, port, timeout: timeoutMs, noDelay: true });
    const fail = (error: Error): void => {
      plain.destroy();
      reject(error);
    };
    plain.once('error', fail).once('timeout', () => fail(new Error(`no connection within ${timeoutMs} ms`)));
    plain.once('connect', () => {
      if (proxyProtocol) plain.write(PROXY_LOCAL);
      if (!tls) {
        resolve(plain);
        return;
      }
      // It goes to an edge by its address inside the VPC, which no certificate names; who it speaks to is the network's matter.
      const secure = connectTls({ socket: plain, rejectUnauthorized: false }, () => resolve(secure));
      secure.once('error', fail);
    });
  });
}

function message(
  { sender_comp_id, target_comp_id }: CanaryLine,
  seq: number,
  at: Date,
  rest: string | undefined,
  type: string,
): string {
  const time = `${at.toISOString().slice(0, 10).replaceAll('-', '')}-${at.toISOString().slice(11, 23)}`;
  const header = `35=${type}${SOH}34=${seq}${SOH}49=${sender_comp_id}${SOH}52=${time}${SOH}56=${target_comp_id}${SOH}`;
  const body = rest === undefined ? header : `${header}${rest}${SOH}`;
  const head = `8=FIX.4.4${SOH}9=${Buffer.byteLength(body)}${SOH}${body}`;
  let sum = 0;
  for (const byte of Buffer.from(head)) sum += byte;
  return `${head}10=${String(sum % 256).padStart(3, '0')}${SOH}`;
}

function firstMessage(socket: Socket, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const late = setTimeout(() => reject(new Error(`no answer to the Logon within ${timeoutMs} ms`)), timeoutMs);
    const done = (end: () => void): void => {
      clearTimeout(late);
      end();
    };
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (/\x0110=\d{3}\x01/.test(text) || text.length > LONGEST_ANSWER) done(() => resolve(text));
    });
    socket.once('error', (error) => done(() => reject(error)));
    socket.once('close', () => done(() => reject(new Error('the connection was closed without an answer'))));
  });
}

/** The first value of a tag. */
function field(text: string, tag: number): string | undefined {
  return new RegExp(`(?:^|\\x01)${tag}=([^\\x01]*)`).exec(text)?.[1];
}
