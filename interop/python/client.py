"""Python quickfix (QuickFIX C++) against fixgate; the steps are those of every client here (interop/README.md)."""

import argparse
import datetime
import os
import sys
import threading
import time

import quickfix as fix

WAIT_S = 20


def parse(raw):
    """A received message: the first value of each tag."""
    found = {}
    for field in raw.split("\x01"):
        tag, equals, value = field.partition("=")
        if equals:
            found.setdefault(int(tag), value)
    return found


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%d-%H:%M:%S.%f")[:-3]


def check(holds, why):
    if not holds:
        raise AssertionError(why)


class Application(fix.Application):
    """What one session receives. Its methods are called from the engine's thread."""

    def __init__(self, username, password):
        super().__init__()
        self.username = username
        self.password = password
        self.inbox = []
        self.news = threading.Condition()
        self.rejecting = False
        self.online = False

    def onCreate(self, session):
        pass

    def onLogon(self, session):
        self.online = True

    def onLogout(self, session):
        self.online = False

    def toApp(self, message, session):
        pass

    def toAdmin(self, message, session):
        kind = fix.MsgType()
        message.getHeader().getField(kind)
        if kind.getValue() == fix.MsgType_Reject:
            self.rejecting = True
        if kind.getValue() == fix.MsgType_Logon:
            if self.username is not None:
                message.setField(fix.Username(self.username))
            message.setField(fix.Password(self.password))

    def fromAdmin(self, message, session):
        self.received(message)

    def fromApp(self, message, session):
        self.received(message)

    def received(self, message):
        with self.news:
            self.inbox.append(parse(message.toString()))
            self.news.notify_all()


class Connection:
    """One initiator with one session."""

    def __init__(self, args, store, username, password, reset):
        self.application = Application(username, password)
        path = os.path.join(args.store, store)
        os.makedirs(path, exist_ok=True)
        configuration = os.path.join(args.store, store + ("-reset" if reset else "") + ".cfg")
        with open(configuration, "w", encoding="utf-8") as file:
            file.write(settings(args, path, reset))
        self.settings = fix.SessionSettings(configuration)
        self.session = fix.SessionID(args.begin, args.sender, args.target)
        self.stores = fix.FileStoreFactory(self.settings)
        self.logs = fix.FileLogFactory(self.settings)
        self.initiator = fix.SocketInitiator(self.application, self.stores, self.settings, self.logs)
        self.initiator.start()

    def mark(self):
        return len(self.application.inbox)

    def all(self, start, fits):
        return [m for m in list(self.application.inbox)[start:] if fits(m)]

    def wait(self, start, what, fits):
        """The first message from number `start` on that fits."""
        found = []

        def look():
            found[:] = self.all(start, fits)
            return bool(found)

        with self.application.news:
            self.application.news.wait_for(look, WAIT_S)
        last = self.application.inbox[-1:]
        check(found, f"no {what}; last: {last}")
        return found[0]

    def wait_type(self, start, kind):
        return self.wait(start, f"35={kind}", lambda m: m.get(35) == kind)

    def logged_on(self, start):
        """The Logon, once the engine has taken it in: what is entered before is kept, and not sent until it is asked for."""
        logon = self.wait_type(start, "A")
        self.wait_online(True)
        return logon

    def wait_online(self, wanted):
        until = time.monotonic() + WAIT_S
        while self.application.online != wanted:
            check(time.monotonic() < until, f"the engine says that being logged on is {not wanted}")
            time.sleep(0.005)

    def report(self, start, order, status):
        fits = lambda m: m.get(35) == "8" and m.get(11) == order and m.get(39) == status
        return self.wait(start, f"report 39={status} of {order}", fits)

    def send(self, kind, body):
        message = fix.Message()
        message.getHeader().setField(fix.MsgType(kind))
        for tag, value in body.items():
            message.setField(fix.StringField(tag, value))
        fix.Session.sendToTarget(message, self.session)

    def order(self, order, price=None):
        body = {11: order, 21: "1", 55: "AAPL", 54: "1", 60: now(), 38: "10", 40: "1", 59: "3"}
        if price is not None:
            body.update({40: "2", 44: price, 59: "0"})
        self.send("D", body)

    def cancel(self, order, original):
        self.send("F", {11: order, 41: original, 55: "AAPL", 54: "1", 60: now(), 38: "10"})

    def stop(self):
        self.initiator.stop()


def settings(args, path, reset):
    dictionary = lambda name: os.path.join(sys.prefix, "share", "quickfix", name + ".xml")
    lines = [
        "[DEFAULT]",
        "ConnectionType=initiator",
        "ReconnectInterval=1",
        "StartTime=00:00:00",
        "EndTime=00:00:00",
        f"FileStorePath={path}",
        f"FileLogPath={path}-log",
        "[SESSION]",
        f"BeginString={args.begin}",
        f"SenderCompID={args.sender}",
        f"TargetCompID={args.target}",
        f"SocketConnectHost={args.host}",
        f"SocketConnectPort={args.port}",
        "HeartBtInt=30",
        f"SendNextExpectedMsgSeqNum={args.next_expected}",
        f"ResetOnLogon={'Y' if reset else 'N'}",
        "UseDataDictionary=Y",
    ]
    if args.begin.startswith("FIXT"):
        lines += [
            "DefaultApplVerID=FIX.5.0SP2",
            f"TransportDataDictionary={dictionary('FIXT11')}",
            f"AppDataDictionary={dictionary('FIX50SP2')}",
        ]
    else:
        lines.append(f"DataDictionary={dictionary(args.begin.replace('.', ''))}")
    return "\n".join(lines) + "\n"


class Client:
    def __init__(self, args):
        self.args = args
        self.main = None

    def ask(self, what):
        print("ask " + what, flush=True)
        answer = sys.stdin.readline().strip()
        check(answer == "done", f"the wire answered {answer}")

    def wrong_password(self):
        stranger = Connection(self.args, "wrong", None, "not-the-password", False)
        try:
            logout = stranger.wait_type(0, "5")
            check(logout.get(58), f"the Logout has no Text: {logout}")
        finally:
            stranger.stop()

    def logon(self):
        self.main = Connection(self.args, "main", self.args.sender, self.args.password, False)
        self.main.logged_on(0)

    def trade(self):
        s = self.main
        s.order("market-1")
        s.report(0, "market-1", "2")
        s.order("rest-1", "1")
        s.report(0, "rest-1", "0")
        s.cancel("cancel-1", "rest-1")
        s.report(0, "cancel-1", "4")

    def lost_reports(self):
        s = self.main
        mark = s.mark()
        before = int(s.application.inbox[-1][34])
        self.ask("swallow")
        s.order("lost-1")
        s.order("lost-2", "1")
        self.ask("cut 3")
        logon = s.logged_on(mark)
        check(int(logon[34]) > before + 3, f"numbers began anew: 34={logon[34]} after {before}")
        s.report(mark, "lost-1", "2")
        s.report(mark, "lost-2", "0")
        s.order("after-1")
        s.report(mark, "after-1", "2")
        late = s.all(mark, lambda m: m.get(35) == "8" and m.get(11, "").startswith("lost-"))
        check(all(m.get(43) == "Y" for m in late), "a resent report has no PossDupFlag")
        executions = {m[17] for m in late}
        check(len(late) == 3 and len(executions) == 3, f"{len(late)} reports of {len(executions)} executions, not 3")

    def away_order(self):
        s = self.main
        mark = s.mark()
        self.ask("down")
        s.wait_online(False)
        s.order("away-1", "1")
        self.ask("up")
        s.report(mark, "away-1", "0")
        s.cancel("away-2", "away-1")
        s.report(mark, "away-2", "4")
        count = len(s.all(mark, lambda m: m.get(35) == "8" and m.get(11) == "away-1"))
        check(count == 1, f"{count} reports of one order")

    def limits(self):
        s = self.main
        mark = s.mark()
        orders = 40
        for i in range(1, orders + 1):
            s.order(f"burst-{i}", "1")
        s.cancel("burst-cancel", "burst-1")
        s.report(mark, "burst-cancel", "4")
        refused = s.all(mark, lambda m: m.get(35) == "j")
        taken = len(
            s.all(mark, lambda m: m.get(35) == "8" and m.get(39) == "0" and m.get(11, "").startswith("burst-"))
        )
        check(taken >= 8, f"only {taken} orders of a burst were taken")
        check(refused and refused[0].get(58), "no BusinessMessageReject with a Text")
        check(taken + len(refused) == orders, f"{taken} taken and {len(refused)} refused of {orders}")

    def no_rejects(self):
        check(not self.main.application.rejecting, "the engine rejected a message of ours (its log says which)")
        ours = self.main.all(0, lambda m: m.get(35) == "3")
        check(not ours, f"we rejected: {ours}")

    def logout(self):
        mark = self.main.mark()
        self.main.stop()
        self.main.wait_type(mark, "5")

    def reset(self):
        # The engine keeps one session of a name: the old one ends with its initiator.
        self.main = None
        self.main = Connection(self.args, "main", None, self.args.password, True)
        logon = self.main.logged_on(0)
        check(logon.get(34) == "1" and logon.get(141) == "Y", f"answered with {logon}")
        # The burst before has emptied the bucket; an order refused for that is asked again.
        for i in range(1, 21):
            order = f"reset-{i}"
            mark = self.main.mark()
            self.main.order(order)
            fits = lambda m: m.get(35) == "j" or (m.get(11) == order and m.get(39) == "2")
            if self.main.wait(mark, f"answer to {order}", fits)[35] == "8":
                return
            time.sleep(0.2)
        raise AssertionError("the bucket does not fill again")


def step(name, run):
    try:
        run()
    except Exception as error:
        print(f"FAIL {name} {type(error).__name__}: {error}".replace("\n", " "), flush=True)
        return False
    print(f"ok {name}", flush=True)
    return True


def main():
    parser = argparse.ArgumentParser()
    for name in ("next-expected", "host", "port", "begin", "sender", "target", "password", "store"):
        parser.add_argument("--" + name, required=True)
    client = Client(parser.parse_args())
    ok = step("wrong-password", client.wrong_password)
    if not step("logon", client.logon):
        return 1
    steps = {
        "trade": client.trade,
        "lost-reports": client.lost_reports,
        "away-order": client.away_order,
        "limits": client.limits,
        "no-rejects": client.no_rejects,
        "logout": client.logout,
        "reset": client.reset,
        "logout-again": client.logout,
    }
    for name, run in steps.items():
        ok = step(name, run) and ok
    return 0 if ok else 1


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # The engine's threads may outlive their initiator; there is nothing left to wait for.
    os._exit(code)
