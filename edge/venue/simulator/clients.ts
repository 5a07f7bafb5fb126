/** Who has which orders: users, their FIX sessions, and the ClOrdIDs of each session. */

import type { Message } from '../../fix/message.ts';
import { KNOWN_IDS_PER_SESSION, SPARE_ORDERS } from '../limits.ts';
import type { VenueSession } from '../venue.ts';
import { versionOf } from '../versions.ts';
import { KnownIds } from './known-ids.ts';
import { Names } from './names.ts';
import { type Client, ClientOrder, type OrderIds, type OrderTerms, type User } from './order.ts';
import { pieceOf } from './piece.ts';

/** What the session itself has placed and is open, oldest first. */
export function openOrders(client: Client): readonly ClientOrder[] {
  return [...new Set([...client.ids.open()].filter((order) => order.owner === client))];
}

export class Clients {
  readonly names = new Names();
  /** What the OrderIDs of this run begin with; known once the log has been read. */
  run = '';
  private readonly users = new Map<string, User>();
  private readonly byId = new Map<string, Client>();
  /** The one asked for last: a batch is of one session. */
  private last: Client | undefined;
  /** Orders that are over, to be made others. */
  private readonly spare: ClientOrder[] = [];
  private readonly freed = (order: ClientOrder): void => {
    // While the log is read, a line that follows may speak of it.
    if (this.run !== '' && order.over) this.free(order);
  };

  /** The client of a session, made when it is new, brought up to date otherwise. */
  of(session: VenueSession): Client {
    if (this.last?.session === session) return this.last;
    this.last = this.known(session);
    return this.last;
  }

  private known(session: VenueSession): Client {
    const known = this.byId.get(session.id);
    if (known !== undefined) {
      if (known.session !== session) {
        known.session = session;
        known.version = versionOf(session.begin_string, session.appl_ver_id);
      }
      return known;
    }
    let user = this.users.get(session.user_id);
    if (user === undefined) {
      user = { id: session.user_id, open: 0, clients: [] };
      this.users.set(user.id, user);
    }
    const version = versionOf(session.begin_string, session.appl_ver_id);
    const { names } = this;
    const ids = new KnownIds(this);
    const quoted = pieceOf(`${JSON.stringify(session.id)},`);
    const seen = { generation: 0, taken: 0, heard: false };
    const client: Client = { session, version, user, ids, names, account: '', quoted, ...seen };
    ids.owner = client;
    user.clients.push(client);
    this.byId.set(session.id, client);
    return client;
  }

  get(sessionId: string): Client | undefined {
    return this.byId.get(sessionId);
  }

  all(): IterableIterator<Client> {
    return this.byId.values();
  }

  /** The order that a field of a message names: the session's own, else one that another session of the user has under that id now. */
  find(client: Client, message: Message, i: number): ClientOrder | undefined {
    const own = client.ids.named(message, i);
    if (own !== undefined) return own;
    for (const other of client.user.clients) {
      const order = other.ids.named(message, i);
      if (order !== undefined) return order;
    }
    return undefined;
  }

  /** Remembers that an id has been used; the oldest ids that no open order goes by are forgotten. */
  remember(client: Client, id: number, order: ClientOrder): void {
    const before = client.ids.set(id, order);
    if (before !== undefined) this.freed(before);
    client.ids.bound(KNOWN_IDS_PER_SESSION, this.freed);
  }

  /** The same of an id that the session does not know. */
  rememberNew(client: Client, id: number, order: ClientOrder): void {
    client.ids.add(id, order);
    client.ids.bound(KNOWN_IDS_PER_SESSION, this.freed);
  }

  /** It has changed, which has been written: one that is over is kept as numbers, unless several sessions know it. */
  done(order: ClientOrder): void {
    if (!order.open && (order.names === 0 || order.owner.ids.retire(order))) this.free(order);
  }

  private free(order: ClientOrder): void {
    this.names.drop(order.name);
    if (this.spare.length < SPARE_ORDERS) this.spare.push(order);
  }

  /** A new order, which goes by no id yet; `terms` are its own from now on. */
  order(ids: OrderIds, terms: OrderTerms, priority: number): ClientOrder {
    this.names.keep(ids.name);
    return this.spare.pop()?.renew(ids, terms, priority) ?? new ClientOrder(ids, terms, priority);
  }

  /** Forgets a session that has left nothing behind. */
  release(client: Client): void {
    if (client.ids.size > 0) return;
    const { user } = client;
    this.byId.delete(client.session.id);
    this.last = undefined;
    const index = user.clients.indexOf(client);
    if (index >= 0) user.clients.splice(index, 1);
    if (user.clients.length === 0) this.users.delete(user.id);
  }
}
