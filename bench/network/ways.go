package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/cloister-dev/cloister/internal/engine"
)

// A way is a path of bytes from one process to another.
type way struct {
	name   string
	beside string // the way it is compared with
	run    func(command ...string) (string, error)
	to     string
}

func (w way) pour(seconds int) (float64, error) {
	out, err := w.run("pour", w.to, strconv.Itoa(seconds))
	if err != nil {
		return 0, fmt.Errorf("%w: %s", err, out)
	}
	return strconv.ParseFloat(strings.TrimSpace(out), 64)
}

const (
	plainInside   = "container to container, plain bridge"
	plainOutside  = "container to internet, bridge and masquerade"
	dynoToDyno    = "dyno to dyno in a space"
	dynoToOutside = "dyno to internet"
)

// ways starts the ends of all ways.
func (m *machine) ways() ([]way, error) {
	for name, address := range map[string]string{"internet": internetAddress, "two": plainTwo} {
		if err := m.background("ip", "netns", "exec", name, m.self, "sink", address+port); err != nil {
			return nil, err
		}
	}
	s, err := m.space(0)
	if err != nil {
		return nil, err
	}
	server, err := m.dyno(s, "sink", "0.0.0.0"+port)
	if err != nil {
		return nil, err
	}
	client, err := m.dyno(s, "sink", "127.0.0.1"+port)
	if err != nil {
		return nil, err
	}
	if err := m.answers(client, server.Address.String()+port); err != nil {
		return nil, err
	}
	return []way{
		{plainInside, plainInside, m.plain, plainTwo + port},
		{dynoToDyno, plainInside, m.from(client), server.Address.String() + port},
		{plainOutside, plainOutside, m.plain, internetAddress + port},
		{dynoToOutside, plainOutside, m.from(client), internetAddress + port},
	}, nil
}

// plain runs us in a namespace on the plain bridge.
func (m *machine) plain(command ...string) (string, error) {
	out, err := exec.Command("ip", append([]string{"netns", "exec", "one", m.self}, command...)...).CombinedOutput()
	return string(out), err
}

// from runs us inside a dyno.
func (m *machine) from(dyno engine.Status) func(...string) (string, error) {
	return func(command ...string) (string, error) {
		var out bytes.Buffer
		status, err := m.engine.Exec(m.ctx, dyno.ID, engine.Process{Command: append([]string{"/network"}, command...)}, engine.Terminal{Out: &out, Err: &out})
		if err == nil && status != 0 {
			err = fmt.Errorf("exit status %d", status)
		}
		return out.String(), err
	}
}

// answers waits until something listens on an address, as seen from a dyno.
func (m *machine) answers(from engine.Status, address string) (err error) {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		var out string
		if out, err = m.from(from)("pour", address, "0"); err == nil {
			return nil
		}
		err = fmt.Errorf("%s: %w: %s", address, err, out)
	}
	return err
}
