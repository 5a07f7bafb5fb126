package main

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/quickfixgo/quickfix"
	filelog "github.com/quickfixgo/quickfix/log/file"
	filestore "github.com/quickfixgo/quickfix/store/file"
)

const wait = 20 * time.Second

// fields of a received message: the first value of each tag.
type fields map[int]string

func parse(raw string) fields {
	found := fields{}
	for _, field := range strings.Split(raw, "\x01") {
		name, value, ok := strings.Cut(field, "=")
		tag, err := strconv.Atoi(name)
		if !ok || err != nil {
			continue
		}
		if _, known := found[tag]; !known {
			found[tag] = value
		}
	}
	return found
}

// connection is one initiator with one session, and all it has received.
type connection struct {
	lock      sync.Mutex
	inbox     []fields
	rejecting bool
	online    bool
	session   quickfix.SessionID
	initiator *quickfix.Initiator
	username  string
	password  string
}

func connect(args map[string]string, store, username, password string, reset bool) (*connection, error) {
	settings, err := quickfix.ParseSettings(strings.NewReader(configuration(args, store, reset)))
	if err != nil {
		return nil, err
	}
	c := &connection{username: username, password: password}
	for id := range settings.SessionSettings() {
		c.session = id
	}
	logs, err := filelog.NewLogFactory(settings)
	if err != nil {
		return nil, err
	}
	c.initiator, err = quickfix.NewInitiator(c, filestore.NewStoreFactory(settings), settings, logs)
	if err != nil {
		return nil, err
	}
	return c, c.initiator.Start()
}

func configuration(args map[string]string, store string, reset bool) string {
	begin := args["begin"]
	yes := map[bool]string{true: "Y", false: "N"}
	dictionary := func(name string) string { return args["dictionaries"] + "/" + name + ".xml" }
	lines := []string{
		"[DEFAULT]",
		"ConnectionType=initiator",
		"FileStorePath=" + args["store"] + "/" + store,
		"FileLogPath=" + args["store"] + "/" + store + "-log",
		"[SESSION]",
		"BeginString=" + begin,
		"SenderCompID=" + args["sender"],
		"TargetCompID=" + args["target"],
		"SocketConnectHost=" + args["host"],
		"SocketConnectPort=" + args["port"],
		"HeartBtInt=30",
		"ReconnectInterval=1",
		"EnableNextExpectedMsgSeqNum=" + args["next-expected"],
		"ResetOnLogon=" + yes[reset],
	}
	if strings.HasPrefix(begin, "FIXT") {
		lines = append(lines, "DefaultApplVerID=FIX.5.0SP2",
			"TransportDataDictionary="+dictionary("FIXT11"), "AppDataDictionary="+dictionary("FIX50SP2"))
	} else {
		lines = append(lines, "DataDictionary="+dictionary(strings.ReplaceAll(begin, ".", "")))
	}
	return strings.Join(lines, "\n") + "\n"
}

func (c *connection) OnCreate(quickfix.SessionID) {}

func (c *connection) OnLogon(quickfix.SessionID) { c.setOnline(true) }

func (c *connection) OnLogout(quickfix.SessionID) { c.setOnline(false) }

func (c *connection) ToApp(*quickfix.Message, quickfix.SessionID) error { return nil }

func (c *connection) ToAdmin(message *quickfix.Message, _ quickfix.SessionID) {
	if message.IsMsgTypeOf("3") {
		c.lock.Lock()
		c.rejecting = true
		c.lock.Unlock()
	}
	if message.IsMsgTypeOf("A") {
		if c.username != "" {
			message.Body.SetString(553, c.username)
		}
		message.Body.SetString(554, c.password)
	}
}

func (c *connection) FromAdmin(message *quickfix.Message, _ quickfix.SessionID) quickfix.MessageRejectError {
	c.received(message)
	return nil
}

func (c *connection) FromApp(message *quickfix.Message, _ quickfix.SessionID) quickfix.MessageRejectError {
	c.received(message)
	return nil
}

func (c *connection) received(message *quickfix.Message) {
	found := parse(message.String())
	c.lock.Lock()
	defer c.lock.Unlock()
	c.inbox = append(c.inbox, found)
}

func (c *connection) setOnline(online bool) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.online = online
}

func (c *connection) isOnline() bool {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.online
}

func (c *connection) isRejecting() bool {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.rejecting
}

func (c *connection) mark() int {
	c.lock.Lock()
	defer c.lock.Unlock()
	return len(c.inbox)
}

func (c *connection) all(from int, fits func(fields) bool) (found []fields) {
	c.lock.Lock()
	defer c.lock.Unlock()
	for _, message := range c.inbox[from:] {
		if fits(message) {
			found = append(found, message)
		}
	}
	return found
}

// await returns the first message from number from on that fits.
func (c *connection) await(from int, what string, fits func(fields) bool) (fields, error) {
	for until := time.Now().Add(wait); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		if found := c.all(from, fits); len(found) > 0 {
			return found[0], nil
		}
	}
	last := c.all(0, func(fields) bool { return true })
	if len(last) == 0 {
		return nil, fmt.Errorf("no %s; nothing was received", what)
	}
	return nil, fmt.Errorf("no %s; last: %v", what, last[len(last)-1])
}

func (c *connection) awaitType(from int, msgType string) (fields, error) {
	return c.await(from, "35="+msgType, func(m fields) bool { return m[35] == msgType })
}

// loggedOn returns the Logon once the engine has taken it in: what is entered before is kept, and not sent until it is asked for.
func (c *connection) loggedOn(from int) (fields, error) {
	logon, err := c.awaitType(from, "A")
	if err != nil {
		return nil, err
	}
	return logon, c.awaitOnline(true)
}

func (c *connection) awaitOnline(wanted bool) error {
	for until := time.Now().Add(wait); c.isOnline() != wanted; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			return fmt.Errorf("the engine says that being logged on is %v", c.isOnline())
		}
	}
	return nil
}

func (c *connection) report(from int, id, status string) error {
	_, err := c.await(from, "report 39="+status+" of "+id, func(m fields) bool {
		return m[35] == "8" && m[11] == id && m[39] == status
	})
	return err
}

func now() string { return time.Now().UTC().Format("20060102-15:04:05.000") }

func (c *connection) send(msgType string, body map[quickfix.Tag]string) error {
	message := quickfix.NewMessage()
	message.Header.SetString(35, msgType)
	for tag, value := range body {
		message.Body.SetString(tag, value)
	}
	return quickfix.SendToTarget(message, c.session)
}

// order of 10 AAPL at price; empty: at the market.
func (c *connection) order(id, price string) error {
	body := map[quickfix.Tag]string{11: id, 21: "1", 55: "AAPL", 54: "1", 60: now(), 38: "10", 40: "1", 59: "3"}
	if price != "" {
		body[40], body[44], body[59] = "2", price, "0"
	}
	return c.send("D", body)
}

func (c *connection) cancel(id, original string) error {
	return c.send("F", map[quickfix.Tag]string{11: id, 41: original, 55: "AAPL", 54: "1", 60: now(), 38: "10"})
}
