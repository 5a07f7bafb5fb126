// quickfixgo against fixgate; the steps are those of every client here (interop/README.md).
package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

type client struct {
	args    map[string]string
	answers *bufio.Reader
	main    *connection
}

func (c *client) ask(what string) error {
	fmt.Println("ask " + what)
	answer, err := c.answers.ReadString('\n')
	if err != nil {
		return err
	}
	if strings.TrimSpace(answer) != "done" {
		return fmt.Errorf("the wire answered %s", answer)
	}
	return nil
}

// inTurn runs the parts of a step until one fails.
func inTurn(parts ...func() error) error {
	for _, part := range parts {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// wrongPassword finds the Logout in the message log: quickfixgo hands no message before its Logon to the application.
func (c *client) wrongPassword() error {
	stranger, err := connect(c.args, "wrong", "", "not-the-password", false)
	if err != nil {
		return err
	}
	defer stranger.initiator.Stop()
	logs := filepath.Join(c.args["store"], "wrong-log", "*.messages.current.log")
	for until := time.Now().Add(wait); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		names, err := filepath.Glob(logs)
		if err != nil {
			return err
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			for _, line := range strings.Split(string(text), "\n") {
				if message := parse(line); message[35] == "5" && message[58] != "" {
					return nil
				}
			}
		}
	}
	return fmt.Errorf("no Logout with a Text in %s", logs)
}

func (c *client) logon() (err error) {
	if c.main, err = connect(c.args, "main", c.args["sender"], c.args["password"], false); err != nil {
		return err
	}
	_, err = c.main.loggedOn(0)
	return err
}

func (c *client) trade() error {
	s := c.main
	return inTurn(
		func() error { return s.order("market-1", "") },
		func() error { return s.report(0, "market-1", "2") },
		func() error { return s.order("rest-1", "1") },
		func() error { return s.report(0, "rest-1", "0") },
		func() error { return s.cancel("cancel-1", "rest-1") },
		func() error { return s.report(0, "cancel-1", "4") },
	)
}

func (c *client) lostReports() error {
	s, mark := c.main, c.main.mark()
	before, _ := strconv.Atoi(s.inbox[mark-1][34])
	err := inTurn(
		func() error { return c.ask("swallow") },
		func() error { return s.order("lost-1", "") },
		func() error { return s.order("lost-2", "1") },
		func() error { return c.ask("cut 3") },
	)
	if err != nil {
		return err
	}
	logon, err := s.loggedOn(mark)
	if err != nil {
		return err
	}
	if number, _ := strconv.Atoi(logon[34]); number <= before+3 {
		return fmt.Errorf("numbers began anew: 34=%d after %d", number, before)
	}
	err = inTurn(
		func() error { return s.report(mark, "lost-1", "2") },
		func() error { return s.report(mark, "lost-2", "0") },
		func() error { return s.order("after-1", "") },
		func() error { return s.report(mark, "after-1", "2") },
	)
	if err != nil {
		return err
	}
	executions := map[string]bool{}
	late := s.all(mark, func(m fields) bool { return m[35] == "8" && strings.HasPrefix(m[11], "lost-") })
	for _, report := range late {
		executions[report[17]] = true
		if report[43] != "Y" {
			return fmt.Errorf("a resent report has no PossDupFlag: %v", report)
		}
	}
	if len(late) != 3 || len(executions) != 3 {
		return fmt.Errorf("%d reports of %d executions, not 3", len(late), len(executions))
	}
	return nil
}

func (c *client) awayOrder() error {
	s, mark := c.main, c.main.mark()
	if err := c.ask("down"); err != nil {
		return err
	}
	if err := s.awaitOnline(false); err != nil {
		return err
	}
	err := inTurn(
		func() error { return s.order("away-1", "1") },
		func() error { return c.ask("up") },
		func() error { return s.report(mark, "away-1", "0") },
		func() error { return s.cancel("away-2", "away-1") },
		func() error { return s.report(mark, "away-2", "4") },
	)
	if err != nil {
		return err
	}
	if n := len(s.all(mark, func(m fields) bool { return m[35] == "8" && m[11] == "away-1" })); n != 1 {
		return fmt.Errorf("%d reports of one order", n)
	}
	return nil
}

func (c *client) limits() error {
	const orders = 40
	s, mark := c.main, c.main.mark()
	for i := 1; i <= orders; i++ {
		if err := s.order(fmt.Sprintf("burst-%d", i), "1"); err != nil {
			return err
		}
	}
	err := inTurn(
		func() error { return s.cancel("burst-cancel", "burst-1") },
		func() error { return s.report(mark, "burst-cancel", "4") },
	)
	if err != nil {
		return err
	}
	refused := s.all(mark, func(m fields) bool { return m[35] == "j" })
	taken := len(s.all(mark, func(m fields) bool {
		return m[35] == "8" && m[39] == "0" && strings.HasPrefix(m[11], "burst-")
	}))
	if taken < 8 {
		return fmt.Errorf("only %d orders of a burst were taken", taken)
	}
	if len(refused) == 0 || refused[0][58] == "" {
		return fmt.Errorf("no BusinessMessageReject with a Text")
	}
	if taken+len(refused) != orders {
		return fmt.Errorf("%d taken and %d refused of %d", taken, len(refused), orders)
	}
	return nil
}

func (c *client) noRejects() error {
	if c.main.isRejecting() {
		return fmt.Errorf("the engine rejected a message of ours (its log says which)")
	}
	if ours := c.main.all(0, func(m fields) bool { return m[35] == "3" }); len(ours) > 0 {
		return fmt.Errorf("we rejected: %v", ours)
	}
	return nil
}

func (c *client) logout() error {
	mark := c.main.mark()
	c.main.initiator.Stop()
	_, err := c.main.awaitType(mark, "5")
	return err
}

func (c *client) reset() (err error) {
	if c.main, err = connect(c.args, "main", "", c.args["password"], true); err != nil {
		return err
	}
	logon, err := c.main.loggedOn(0)
	if err != nil {
		return err
	}
	if logon[34] != "1" || logon[141] != "Y" {
		return fmt.Errorf("answered with %v", logon)
	}
	// The burst before has emptied the bucket; an order refused for that is asked again.
	for i := 1; i <= 20; i++ {
		id, mark := fmt.Sprintf("reset-%d", i), c.main.mark()
		if err := c.main.order(id, ""); err != nil {
			return err
		}
		answer, err := c.main.await(mark, "answer to "+id, func(m fields) bool {
			return m[35] == "j" || m[11] == id && m[39] == "2"
		})
		if err != nil || answer[35] == "8" {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
	return fmt.Errorf("the bucket does not fill again")
}

func step(name string, run func() error) bool {
	if err := run(); err != nil {
		fmt.Println("FAIL", name, strings.ReplaceAll(err.Error(), "\n", " "))
		return false
	}
	fmt.Println("ok", name)
	return true
}

func main() {
	args := map[string]string{}
	for i := 1; i+1 < len(os.Args); i += 2 {
		args[strings.TrimPrefix(os.Args[i], "--")] = os.Args[i+1]
	}
	c := &client{args: args, answers: bufio.NewReader(os.Stdin)}
	ok := step("wrong-password", c.wrongPassword)
	if !step("logon", c.logon) {
		os.Exit(1)
	}
	for _, s := range []struct {
		name string
		run  func() error
	}{
		{"trade", c.trade},
		{"lost-reports", c.lostReports},
		{"away-order", c.awayOrder},
		{"limits", c.limits},
		{"no-rejects", c.noRejects},
		{"logout", c.logout},
		{"reset", c.reset},
		{"logout-again", c.logout},
	} {
		ok = step(s.name, s.run) && ok
	}
	if !ok {
		os.Exit(1)
	}
}
