// jspurefix against fixgate; the steps are those of every client here (interop/README.md), but for orders entered while
// away: this engine keeps none.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const WAIT_MS = 20_000;
const STAYS_MS = 300;
const SOH = '\x01';

/** Where the engine is installed, then names and values. */
const [cache, ...rest] = process.argv.slice(2);
const args = Object.fromEntries(
  rest.flatMap((name, i) => (name.startsWith('--') ? [[name.slice(2), rest[i + 1]]] : [])),
);
const require = createRequire(join(cache, 'package.json'));
require('reflect-metadata');
const { AsciiSession, EmptyLogFactory, SessionLauncher } = require('jspurefix');

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** A received message: the first value of each tag. */
function parse(raw) {
  const found = {};
  for (const field of raw.split(SOH)) {
    const equals = field.indexOf('=');
    if (equals > 0) found[field.slice(0, equals)] ??= field.slice(equals + 1);
  }
  return found;
}

class Trader extends AsciiSession {
  inbox = [];
  rejecting = false;
  online = false;
  /** MsgSeqNum of the last message. */
  sent = 0;

  constructor(config) {
    config.logDelimiter = SOH.charCodeAt(0);
    super(config);
  }

  onDecoded(_type, text) {
    this.inbox.push(parse(text));
  }

  onEncoded(type, text) {
    if (type === '3') this.rejecting = true;
    this.sent = Number(parse(text)[34]);
  }

  onApplicationMsg() {}

  onReady() {
    this.online = true;
  }

  onStopped() {
    this.online = false;
  }

  onLogon() {
    return true;
  }

  all(from, fits) {
    return this.inbox.slice(from).filter(fits);
  }

  async wait(from, what, fits) {
    for (const until = Date.now() + WAIT_MS; Date.now() < until; await sleep(5)) {
      const [found] = this.all(from, fits);
      if (found !== undefined) return found;
    }
    throw new Error(`no ${what}; last: ${JSON.stringify(this.inbox.at(-1))}`);
  }

  waitType(from, type) {
    return this.wait(from, `35=${type}`, (m) => m[35] === type);
  }

  report(from, id, status) {
    return this.wait(from, `report 39=${status} of ${id}`, (m) => m[35] === '8' && m[11] === id && m[39] === status);
  }

  order(id, price) {
    const priced =
      price === undefined ? { OrdType: '1', TimeInForce: '3' } : { OrdType: '2', Price: price, TimeInForce: '0' };
    this.send('D', { ClOrdID: id, HandlInst: '1', ...this.#terms(), ...priced });
  }

  cancel(id, original) {
    this.send('F', { ClOrdID: id, OrigClOrdID: original, ...this.#terms() });
  }

  #terms() {
    return { Instrument: { Symbol: 'AAPL' }, Side: '1', TransactTime: new Date(), OrderQtyData: { OrderQty: 10 } };
  }
}

class Launcher extends SessionLauncher {
  session;

  constructor(description) {
    super(description, null, new EmptyLogFactory());
  }

  makeFactory() {
    return {
      makeSession: (config) => {
        this.session = new Trader(config);
        return this.session;
      },
    };
  }
}

function describe(store, password, reset) {
  return {
    application: {
      type: 'initiator',
      name: 'interop',
      resilient: true,
      reconnectSeconds: 1,
      recoveryAttemptSeconds: 1,
      backoffFailConnectSeconds: 1,
      tcp: { host: args.host, port: Number(args.port) },
      protocol: 'ascii',
      dictionary: join(cache, 'node_modules', 'jspurefix', 'data', 'FIX44.xml'),
    },
    store: { type: 'file', directory: join(args.store, store) },
    Username: args.sender,
    Password: password,
    EncryptMethod: 0,
    ResetSeqNumFlag: reset,
    HeartBtInt: 30,
    SenderCompId: args.sender,
    TargetCompID: args.target,
    BeginString: args.begin,
  };
}

async function connect(store, password, reset) {
  const launcher = new Launcher(describe(store, password, reset));
  let failed;
  launcher.run().catch((error) => {
    failed = error;
  });
  for (const until = Date.now() + WAIT_MS; launcher.session === undefined; await sleep(5))
    if (failed !== undefined || Date.now() > until) throw failed ?? new Error('the engine makes no session');
  return { launcher, session: launcher.session };
}

function check(holds, why) {
  if (!holds) throw new Error(why);
}

async function ask(what) {
  console.log(`ask ${what}`);
  const { value } = await answers.next();
  check(value === 'done', `the wire answered ${value}`);
}

let main;
let launcher;

/**
 * Puts the number of the last message on disk, by which the engine logs on again. The engine does so itself, but twice a message and unordered:
 * an older write that comes last stays, and its next Logon is one too low.
 */
async function saved() {
  const file = join(args.store, 'main', `${args.begin}-${args.sender}-${args.target}.seqnums`);
  const late = Date.now() + WAIT_MS;
  for (let since = Date.now(); Date.now() < since + STAYS_MS; await sleep(20)) {
    if (Number.parseInt(readFileSync(file, 'latin1'), 10) === main.sent + 1) continue;
    since = Date.now();
    await main.sessionStore.setSenderSeqNum(main.sent + 1);
    check(Date.now() < late, 'its store does not take the number of the last order');
  }
}

async function loggedOn(from) {
  const logon = await main.waitType(from, 'A');
  for (const until = Date.now() + WAIT_MS; !main.online; await sleep(5)) check(Date.now() < until, 'it is not ready');
  return logon;
}

const STEPS = {
  'wrong-password': async () => {
    const stranger = await connect('wrong', 'not-the-password', false);
    const logout = await stranger.session.waitType(0, '5');
    stranger.launcher.stop();
    check(logout[58], 'the Logout has no Text');
  },
  logon: async () => {
    ({ session: main, launcher } = await connect('main', args.password, false));
    await loggedOn(0);
  },
  trade: async () => {
    main.order('market-1');
    await main.report(0, 'market-1', '2');
    main.order('rest-1', 1);
    await main.report(0, 'rest-1', '0');
    main.cancel('cancel-1', 'rest-1');
    await main.report(0, 'cancel-1', '4');
  },
  'lost-reports': async () => {
    const mark = main.inbox.length;
    const before = Number(main.inbox.at(-1)[34]);
    await ask('swallow');
    main.order('lost-1');
    main.order('lost-2', 1);
    await saved();
    await ask('cut 3');
    const logon = await main.waitType(mark, 'A');
    check(Number(logon[34]) > before + 3, `numbers began anew: 34=${logon[34]} after ${before}`);
    await main.report(mark, 'lost-1', '2');
    await main.report(mark, 'lost-2', '0');
    main.order('after-1');
    await main.report(mark, 'after-1', '2');
    const late = main.all(mark, (m) => m[35] === '8' && m[11].startsWith('lost-'));
    check(
      late.every((m) => m[43] === 'Y'),
      'a resent report has no PossDupFlag',
    );
    const executions = new Set(late.map((m) => m[17]));
    check(late.length === 3 && executions.size === 3, `${late.length} reports of ${executions.size} executions, not 3`);
  },
  limits: async () => {
    const mark = main.inbox.length;
    const orders = 40;
    for (let i = 1; i <= orders; i++) main.order(`burst-${i}`, 1);
    main.cancel('burst-cancel', 'burst-1');
    await main.report(mark, 'burst-cancel', '4');
    const refused = main.all(mark, (m) => m[35] === 'j');
    const taken = main.all(mark, (m) => m[35] === '8' && m[39] === '0' && m[11].startsWith('burst-')).length;
    check(taken >= 8, `only ${taken} orders of a burst were taken`);
    check(refused[0]?.[58], 'no BusinessMessageReject with a Text');
    check(taken + refused.length === orders, `${taken} taken and ${refused.length} refused of ${orders}`);
  },
  'no-rejects': async () => {
    check(!main.rejecting, 'the engine rejected a message of ours');
    const ours = main.all(0, (m) => m[35] === '3');
    check(ours.length === 0, `we rejected: ${JSON.stringify(ours)}`);
  },
  logout,
  reset: async () => {
    ({ session: main, launcher } = await connect('main', args.password, true));
    const logon = await loggedOn(0);
    check(logon[34] === '1' && logon[141] === 'Y', `answered with ${JSON.stringify(logon)}`);
    // The burst before has emptied the bucket; an order refused for that is asked again.
    for (let i = 1; i <= 20; i++) {
      const mark = main.inbox.length;
      main.order(`reset-${i}`);
      const fits = (m) => m[35] === 'j' || (m[11] === `reset-${i}` && m[39] === '2');
      if ((await main.wait(mark, `answer to reset-${i}`, fits))[35] === '8') return;
      await sleep(200);
    }
    throw new Error('the bucket does not fill again');
  },
  'logout-again': logout,
};

async function logout() {
  const mark = main.inbox.length;
  main.done();
  await main.waitType(mark, '5');
  launcher.stop();
}

let ok = true;
for (const [name, run] of Object.entries(STEPS)) {
  try {
    await run();
    console.log(`ok ${name}`);
  } catch (error) {
    ok = false;
    console.log(`FAIL ${name} ${error.message.replaceAll('\n', ' ')}`);
    if (name === 'logon') break;
  }
}
process.exit(ok ? 0 : 1);
