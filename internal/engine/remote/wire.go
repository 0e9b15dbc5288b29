package remote

import (
	"errors"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// Paths of the calls.
const (
	pathNodes       = "/nodes"
	pathEnsureSpace = "/spaces/ensure"
	pathDropSpace   = "/spaces/drop"
	pathStart       = "/workloads/start"
	pathStop        = "/workloads/stop"
	pathDrop        = "/workloads/drop"
	pathList        = "/workloads/list"
	pathUsage       = "/workloads/usage"
	pathLogs        = "/workloads/logs"
	pathExec        = "/workloads/exec"
	pathDropVolume  = "/volumes/drop"
	pathEvents      = "/events"
)

type idCall struct{ ID string }

type stopCall struct {
	ID    string
	Grace time.Duration
}

type listCall struct{ Owner string }

type logsCall struct {
	ID    string
	Since time.Time
}

type execCall struct {
	ID      string
	Process engine.Process
	Window  engine.Window
	TTY     bool

	In, Out, Err bool // what the caller has
}

// A lineItem is an item of the log stream. Text is bytes: a program may write what is not UTF-8.
type lineItem struct {
	At      time.Time
	Stderr  bool   `json:",omitempty"`
	Dropped int    `json:",omitempty"`
	Text    []byte `json:",omitempty"`
	Error   *fault `json:",omitempty"`
	End     bool   `json:",omitempty"` // the last item; a stream without it was cut
}

// An exitFrame is the last word of an Exec.
type exitFrame struct {
	Exit  int
	Error *fault `json:",omitempty"`
}

// A fault is an error on the wire.
type fault struct {
	Kind     cloister.Kind
	Message  string
	Resource string `json:",omitempty"`
}

func faultOf(err error) *fault {
	if err == nil {
		return nil
	}
	var e *cloister.Error
	if errors.As(err, &e) {
		return &fault{e.Kind, e.Message, e.Resource}
	}
	return &fault{Kind: cloister.Internal, Message: err.Error()} // for the log of the other process; nobody shows it
}

func (f *fault) err() error {
	if f == nil {
		return nil
	}
	return &cloister.Error{Kind: f.Kind, Message: f.Message, Resource: f.Resource}
}
