/** Who has which orders: users, their FIX sessions, and the ClOrdIDs of each session. */

import type { Message } from '../../fix/message.ts';
import { KNOWN_IDS_PER_SESSION } from '../limits.ts';
import type { VenueSession } from '../venue.ts';
import { versionOf } from '../versions.ts';
import type { Client, ClientOrder, User } from './client-order.ts';
import { KnownIds, NewIds } from './known-ids.ts';
import { Names } from './names.ts';
import { NO_ROW, Orders } from './orders.ts';
import { pieceOf } from './piece.ts';

export class Clients {
  readonly names = new Names();
  readonly orders = new Orders();
  readonly newIds = new NewIds();
  private readonly users = new Map<string, User>();
  private readonly byId = new Map<string, Client>();
  /** The one asked for last: a batch is of one session. */
  private last: Client | undefined;
  /** The log is being read: a line that follows may speak of any order. */
  private reading = true;
  /** An order that no id names any more; one that the step in hand has changed is looked at when that is done. */
  private readonly freed = (row: number): void => {
    if (!this.orders.isChanging(row)) this.done(row);
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
    const own = { session, version, user, ids, open: 0, names, quoted };
    const client: Client = { ...own, account: '', common: undefined, ...seen };
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
    const freed = client.ids.set(id, order);
    if (freed !== NO_ROW) this.freed(freed);
    this.bound(client);
  }

  /** The same of an id that the session does not know, as it has just been asked. */
  rememberNew(client: Client, id: number, order: ClientOrder): void {
    client.ids.add(id, order);
    this.bound(client);
  }

  private bound(client: Client): void {
    const most = KNOWN_IDS_PER_SESSION + client.open;
    if (!this.reading && client.ids.size > most) client.ids.bound(most, this.freed);
  }

  /** Of one that has changed this has been written: if it is over and no id names it any more, it is forgotten. */
  done(row: number): void {
    const { orders } = this;
    if (this.reading || orders.known(row) > 0 || orders.isOpen(row)) return;
    this.names.drop(orders.free(row));
  }

  /** The log has been read, and of each session it is known how many orders it has open. @param closed the others, by row */
  read(closed: Iterable<number>): void {
    this.reading = false;
    for (const row of closed) this.done(row);
    for (const client of this.byId.values()) this.bound(client);
  }

  /** Forgets a session that has left nothing behind. */
  release(client: Client): void {
    if (client.ids.size > 0) return;
    client.ids.leave();
    const { user } = client;
    this.byId.delete(client.session.id);
    this.last = undefined;
    const index = user.clients.indexOf(client);
    if (index >= 0) user.clients.splice(index, 1);
    if (user.clients.length === 0) this.users.delete(user.id);
  }
}
