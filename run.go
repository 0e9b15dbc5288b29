package cloister

import (
	"crypto/rand"
	"encoding/binary"
	"strings"
	"time"
)

// RunType is the process type of a one-off dyno whose owner did not choose: it is called run.1234.
const RunType = "run"

// How long one-off dynos live (heroku-behaviours 3.3).
const (
	MaxTimeToLive = 24 * time.Hour   // of any; also the default
	AttachWithin  = 60 * time.Second // how long a dyno waits for its client
)

// A Run is a one-off dyno: it runs one command that was given with it, and is gone when the command ends. What is asked
// for is written by platform, the status of its Dyno by control.
type Run struct {
	Dyno
	Attached  bool              // a client is, or will be, connected with the command; else its output goes to the log
	Env       map[string]Secret // on top of the config vars
	ExpiresAt time.Time
	Stopped   bool // somebody asks to stop it
}

// Over reports whether the command has ended.
func (r Run) Over() bool { return !r.EndedAt.IsZero() }

// RunNumber picks a number that none of an app's one-off dynos of a type has: four digits, as they never stand for a slot.
// There are few: the limits are far below.
func RunNumber(runs []Run, typ string) int {
	taken := map[int]bool{}
	for _, r := range runs {
		taken[r.Number] = taken[r.Number] || r.Type == typ
	}
	for {
		var b [4]byte
		rand.Read(b[:])
		if n := 1000 + int(binary.BigEndian.Uint32(b[:])%9000); !taken[n] {
			return n
		}
	}
}

// ExpandCommand is command with the name of a process type, if it begins with one, replaced by what the type runs.
func ExpandCommand(command string, types map[string]string) string {
	command = strings.TrimSpace(command)
	first, rest, more := strings.Cut(command, " ")
	full, ok := types[first]
	switch {
	case !ok:
		return command
	case more:
		return full + " " + rest
	}
	return full
}

// MaxWindow is how many columns and lines a terminal may have.
const MaxWindow = 10000

// MaxCommand is how long the command of a one-off dyno may be, in bytes.
const MaxCommand = 32 << 10

// ValidCommand reports why a command may not be run, or nil.
func ValidCommand(command string) error {
	switch {
	case strings.TrimSpace(command) == "":
		return Errorf(Invalid, "A command is required. Try `bash`.")
	case len(command) > MaxCommand:
		return Errorf(TooLarge, "The command takes %d bytes; the limit is %d. Put it into a file of the app.", len(command), MaxCommand)
	case strings.ContainsRune(command, 0):
		return Errorf(Invalid, "The command contains a NUL character, which no command can hold.")
	}
	return nil
}

// A Terminal is a client's place at a command: that of an attached one-off dyno, or one more inside a dyno that runs
// already.
type Terminal struct {
	ID      string // of the one-off dyno; inside another its own
	Dyno    Dyno
	Inside  bool
	Command string
	Dial    string            // inside: "host:port", in place of Command: a connection from there
	Env     map[string]Secret // inside: on top of the dyno's
	TTY     bool
	Columns int // of the window, with TTY; 0: unknown
	Lines   int
}
