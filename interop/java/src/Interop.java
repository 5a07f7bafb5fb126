import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import quickfix.Application;
import quickfix.DefaultMessageFactory;
import quickfix.FieldNotFound;
import quickfix.FileLogFactory;
import quickfix.FileStoreFactory;
import quickfix.Message;
import quickfix.Session;
import quickfix.SessionID;
import quickfix.SessionSettings;
import quickfix.SocketInitiator;

/** QuickFIX/J against fixgate; the steps are those of every client here (interop/README.md). */
public final class Interop {
  private static final long WAIT_MS = 20_000;

  /** A received message: the first value of each tag. */
  private static final class Fields extends HashMap<Integer, String> {
    Fields(String raw) {
      for (String field : raw.split("\u0001")) {
        int equals = field.indexOf('=');
        if (equals > 0) putIfAbsent(Integer.parseInt(field.substring(0, equals)), field.substring(equals + 1));
      }
    }

    boolean is(int tag, String value) {
      return value.equals(get(tag));
    }
  }

  private static final class Failed extends Exception {
    Failed(String why) {
      super(why);
    }
  }

  /** One initiator with one session, and all it has received. */
  private static final class Connection implements Application {
    final List<Fields> inbox = new ArrayList<>();
    final SessionID session;
    private final SocketInitiator initiator;
    private final String username;
    private final String password;
    private volatile boolean rejecting;
    private volatile boolean online;

    Connection(Map<String, String> args, String store, String username, String password, boolean reset)
        throws Exception {
      this.username = username;
      this.password = password;
      SessionSettings settings =
          new SessionSettings(
              new ByteArrayInputStream(settings(args, store, reset).getBytes(StandardCharsets.UTF_8)));
      initiator =
          new SocketInitiator(
              this,
              new FileStoreFactory(settings),
              settings,
              new FileLogFactory(settings),
              new DefaultMessageFactory());
      session = settings.sectionIterator().next();
      initiator.start();
    }

    private static String settings(Map<String, String> args, String store, boolean reset) {
      String begin = args.get("begin");
      List<String> lines = new ArrayList<>();
      lines.add("[SESSION]");
      lines.add("ConnectionType=initiator");
      lines.add("BeginString=" + begin);
      lines.add("SenderCompID=" + args.get("sender"));
      lines.add("TargetCompID=" + args.get("target"));
      lines.add("SocketConnectHost=" + args.get("host"));
      lines.add("SocketConnectPort=" + args.get("port"));
      lines.add("HeartBtInt=30");
      lines.add("ReconnectInterval=1");
      lines.add("NonStopSession=Y");
      lines.add("EnableNextExpectedMsgSeqNum=" + args.get("next-expected"));
      lines.add("ResetOnLogon=" + (reset ? "Y" : "N"));
      lines.add("FileStorePath=" + args.get("store") + "/" + store);
      lines.add("FileLogPath=" + args.get("store") + "/" + store + "-log");
      if (begin.startsWith("FIXT")) {
        lines.add("DefaultApplVerID=FIX.5.0SP2");
        lines.add("TransportDataDictionary=FIXT11.xml");
        lines.add("AppDataDictionary=FIX50SP2.xml");
      } else {
        lines.add("DataDictionary=" + begin.replace(".", "") + ".xml");
      }
      return String.join("\n", lines) + "\n";
    }

    @Override
    public void toAdmin(Message message, SessionID id) {
      try {
        String type = message.getHeader().getString(35);
        if (type.equals("3")) rejecting = true;
        if (!type.equals("A")) return;
        if (username != null) message.setString(553, username);
        message.setString(554, password);
      } catch (FieldNotFound impossible) {
        throw new IllegalStateException(impossible);
      }
    }

    @Override
    public void fromAdmin(Message message, SessionID id) {
      received(message);
    }

    @Override
    public void fromApp(Message message, SessionID id) {
      received(message);
    }

    @Override
    public void onCreate(SessionID id) {}

    @Override
    public void onLogon(SessionID id) {
      online = true;
    }

    @Override
    public void onLogout(SessionID id) {
      online = false;
    }

    @Override
    public void toApp(Message message, SessionID id) {}

    private void received(Message message) {
      synchronized (inbox) {
        inbox.add(new Fields(message.toString()));
        inbox.notifyAll();
      }
    }

    int mark() {
      synchronized (inbox) {
        return inbox.size();
      }
    }

    /** The Logon, once the engine has taken it in: what is entered before is kept, and not sent until it is asked for. */
    Fields loggedOn(int from) throws Exception {
      Fields logon = await(from, "Logon", m -> m.is(35, "A"));
      awaitOnline(true);
      return logon;
    }

    void awaitOnline(boolean wanted) throws Exception {
      for (long until = System.nanoTime() + WAIT_MS * 1_000_000; online != wanted; Thread.sleep(5))
        if (System.nanoTime() > until) throw new Failed("the engine says it is " + (online ? "" : "not ") + "logged on");
    }

    /** The first message from number {@code from} on that fits. */
    Fields await(int from, String what, Predicate<Fields> fits) throws Exception {
      long until = System.nanoTime() + WAIT_MS * 1_000_000;
      synchronized (inbox) {
        while (true) {
          for (int i = from; i < inbox.size(); i++) if (fits.test(inbox.get(i))) return inbox.get(i);
          long left = (until - System.nanoTime()) / 1_000_000;
          if (left <= 0) throw new Failed("no " + what + "; last: " + (inbox.isEmpty() ? "nothing" : inbox.get(inbox.size() - 1)));
          inbox.wait(left);
        }
      }
    }

    List<Fields> all(int from, Predicate<Fields> fits) {
      List<Fields> found = new ArrayList<>();
      synchronized (inbox) {
        for (int i = from; i < inbox.size(); i++) if (fits.test(inbox.get(i))) found.add(inbox.get(i));
      }
      return found;
    }

    Fields report(int from, String id, String status) throws Exception {
      return await(from, "report 39=" + status + " of " + id, m -> m.is(35, "8") && m.is(11, id) && m.is(39, status));
    }

    void send(Message message) throws Exception {
      Session.sendToTarget(message, session);
    }

    void order(String id, int quantity, String price) throws Exception {
      Message order = message("D");
      order.setString(11, id);
      order.setString(21, "1");
      order.setString(55, "AAPL");
      order.setString(54, "1");
      order.setString(60, now());
      order.setInt(38, quantity);
      order.setString(40, price == null ? "1" : "2");
      if (price != null) order.setString(44, price);
      order.setString(59, price == null ? "3" : "0");
      send(order);
    }

    void cancel(String id, String original) throws Exception {
      Message cancel = message("F");
      cancel.setString(11, id);
      cancel.setString(41, original);
      cancel.setString(55, "AAPL");
      cancel.setString(54, "1");
      cancel.setString(60, now());
      cancel.setInt(38, 10);
      send(cancel);
    }

    void stop() {
      initiator.stop();
    }
  }

  private interface Step {
    void run() throws Exception;
  }

  private final Map<String, String> args;
  private final BufferedReader answers = new BufferedReader(new InputStreamReader(System.in));
  private Connection main;

  private Interop(Map<String, String> args) {
    this.args = args;
  }

  private static Message message(String type) {
    Message message = new Message();
    message.getHeader().setString(35, type);
    return message;
  }

  private static String now() {
    return LocalDateTime.now(ZoneOffset.UTC).format(DateTimeFormatter.ofPattern("yyyyMMdd-HH:mm:ss.SSS"));
  }

  private static void check(boolean holds, String why) throws Failed {
    if (!holds) throw new Failed(why);
  }

  private void ask(String what) throws Exception {
    System.out.println("ask " + what);
    String answer = answers.readLine();
    check("done".equals(answer), "the wire answered " + answer);
  }

  private void wrongPassword() throws Exception {
    Connection stranger = new Connection(args, "wrong", null, "not-the-password", false);
    try {
      Fields logout = stranger.await(0, "Logout", m -> m.is(35, "5"));
      check(logout.get(58) != null, "the Logout has no Text");
    } finally {
      stranger.stop();
    }
  }

  private void logon() throws Exception {
    main = new Connection(args, "main", args.get("sender"), args.get("password"), false);
    main.loggedOn(0);
  }

  private void trade() throws Exception {
    main.order("market-1", 10, null);
    main.report(0, "market-1", "2");
    main.order("rest-1", 10, "1");
    main.report(0, "rest-1", "0");
    main.cancel("cancel-1", "rest-1");
    main.report(0, "cancel-1", "4");
  }

  private void lostReports() throws Exception {
    int mark = main.mark();
    int before = Integer.parseInt(main.inbox.get(mark - 1).get(34));
    ask("swallow");
    main.order("lost-1", 10, null);
    main.order("lost-2", 10, "1");
    ask("cut 3");
    Fields logon = main.loggedOn(mark);
    check(Integer.parseInt(logon.get(34)) > before + 3, "numbers began anew: 34=" + logon.get(34) + " after " + before);
    main.report(mark, "lost-1", "2");
    main.report(mark, "lost-2", "0");
    main.order("after-1", 10, null);
    main.report(mark, "after-1", "2");
    List<Fields> late = main.all(mark, m -> m.is(35, "8") && m.get(11).startsWith("lost-"));
    Set<String> executions = new HashSet<>();
    for (Fields report : late) {
      check(report.is(43, "Y"), "a resent report has no PossDupFlag");
      executions.add(report.get(17));
    }
    check(late.size() == 3 && executions.size() == 3, late.size() + " reports of " + executions.size() + " executions, not 3");
  }

  private void awayOrder() throws Exception {
    int mark = main.mark();
    ask("down");
    main.awaitOnline(false);
    main.order("away-1", 10, "1");
    ask("up");
    main.report(mark, "away-1", "0");
    main.cancel("away-2", "away-1");
    main.report(mark, "away-2", "4");
    check(main.all(mark, m -> m.is(35, "8") && m.is(11, "away-1")).size() == 1, "the order was taken twice");
  }

  private void limits() throws Exception {
    int mark = main.mark();
    int orders = 40;
    for (int i = 1; i <= orders; i++) main.order("burst-" + i, 10, "1");
    main.cancel("burst-cancel", "burst-1");
    main.report(mark, "burst-cancel", "4");
    List<Fields> refused = main.all(mark, m -> m.is(35, "j"));
    int taken = main.all(mark, m -> m.is(35, "8") && m.is(39, "0") && m.get(11).startsWith("burst-")).size();
    check(taken >= 8, "only " + taken + " orders of a burst were taken");
    check(!refused.isEmpty() && refused.get(0).get(58) != null, "no BusinessMessageReject with a Text");
    check(taken + refused.size() == orders, taken + " taken and " + refused.size() + " refused of " + orders);
  }

  private void noRejects() throws Exception {
    check(!main.rejecting, "the engine rejected a message of ours (its log says which)");
    check(main.all(0, m -> m.is(35, "3")).isEmpty(), "we rejected: " + main.all(0, m -> m.is(35, "3")));
  }

  private void logout() throws Exception {
    int mark = main.mark();
    main.stop();
    main.await(mark, "Logout", m -> m.is(35, "5"));
  }

  private void reset() throws Exception {
    main = new Connection(args, "main", null, args.get("password"), true);
    Fields logon = main.loggedOn(0);
    check(logon.is(34, "1") && logon.is(141, "Y"), "answered with " + logon);
    // The burst before has emptied the bucket; an order refused for that is asked again.
    for (int i = 1; i <= 20; i++) {
      String id = "reset-" + i;
      int mark = main.mark();
      main.order(id, 10, null);
      Fields answer = main.await(mark, "answer to " + id, m -> m.is(35, "j") || m.is(11, id) && m.is(39, "2"));
      if (answer.is(35, "8")) return;
      Thread.sleep(200);
    }
    throw new Failed("the bucket does not fill again");
  }

  private boolean step(String name, Step step) {
    try {
      step.run();
      System.out.println("ok " + name);
      return true;
    } catch (Exception error) {
      System.out.println("FAIL " + name + " " + String.valueOf(error.getMessage() == null ? error : error.getMessage()).replace('\n', ' '));
      return false;
    }
  }

  public static void main(String[] argv) {
    Map<String, String> args = new HashMap<>();
    for (int i = 0; i + 1 < argv.length; i += 2) args.put(argv[i].substring(2), argv[i + 1]);
    Interop client = new Interop(args);
    boolean ok = client.step("wrong-password", client::wrongPassword);
    if (client.step("logon", client::logon)) {
      ok &= client.step("trade", client::trade);
      ok &= client.step("lost-reports", client::lostReports);
      ok &= client.step("away-order", client::awayOrder);
      ok &= client.step("limits", client::limits);
      ok &= client.step("no-rejects", client::noRejects);
      ok &= client.step("logout", client::logout);
      ok &= client.step("reset", client::reset);
      ok &= client.step("logout-again", client::logout);
    } else {
      ok = false;
    }
    System.exit(ok ? 0 : 1);
  }
}
