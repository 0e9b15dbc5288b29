// Package engine says what it takes to run Cloister on machines: two nouns, a space (a network) and a workload
// (a container), and twelve verbs. Web dynos, one-off dynos, builds and data services are all workloads.
//
// It refuses to decide anything: what should run, where and when is decided in package plan. An engine does what it
// is told, or says why not. Package enginetest is the contract as a test suite, and every engine passes it.
package engine

import (
	"context"
	"io"
	"iter"
	"net/netip"
	"time"
)

// An Engine runs workloads inside isolated spaces. Every method may be repeated: asking for what already is does
// nothing, and dropping what is already gone succeeds. Errors are of the kinds of package cloister: NotFound for an
// id that the engine does not know, Unsupported for what this engine cannot do (never silence: a private space that
// is not private is the worst bug we can have), Unavailable for what may work later.
type Engine interface {
	// Nodes lists the machines, or the parts of a machine, that workloads can be placed on.
	Nodes(ctx context.Context) ([]Node, error)

	// EnsureSpace makes the whole network of a space exactly as given, or changes it to be so, without disturbing
	// what did not change. When it returns nil the network is in force.
	EnsureSpace(ctx context.Context, s Space) error
	// DropSpace removes a space's network. It refuses (Conflict) while workloads are in it.
	DropSpace(ctx context.Context, id string) error

	// Start runs a workload; it is idempotent by w.ID, also after the workload has exited: an id runs once, ever.
	// The network is complete and in force before the first process of the workload runs.
	Start(ctx context.Context, w Workload) error
	// Stop sends SIGTERM to all processes of a workload and returns; the engine sends SIGKILL when grace is over.
	// A later call with a shorter grace shortens it; zero kills at once.
	Stop(ctx context.Context, id string, grace time.Duration) error
	// Drop forgets a workload, its files and its address; a running one is killed first.
	Drop(ctx context.Context, id string) error
	// DropVolume deletes a volume and what is in it. It refuses (Conflict) while a workload uses it.
	DropVolume(ctx context.Context, id string) error
	// List is the truth about workloads, sorted by id: those with the given owner, or all for "".
	// A workload that has exited is listed until it is dropped.
	List(ctx context.Context, owner string) ([]Status, error)
	// Usage is what workloads that run use at this moment, sorted by id: those with the given owner, or all for "".
	Usage(ctx context.Context, owner string) ([]Usage, error)

	// Logs yields the lines that a workload wrote after since, and goes on with new ones until the workload has
	// exited and all was read, or ctx is done. Times strictly increase within a workload.
	Logs(ctx context.Context, id string, since time.Time) iter.Seq2[Line, error]
	// Exec runs another process inside a running workload, as the workload's user and under its limits, and returns
	// its exit status. When ctx is done the process is killed.
	Exec(ctx context.Context, id string, p Process, t Terminal) (exit int, err error)
	// Events yields hints that List or Nodes has changed, until ctx is done. Events may be lost or repeated.
	Events(ctx context.Context) <-chan Event
}

// A Node is a machine, or a part of one, that belongs to one zone.
type Node struct {
	ID      string
	Zone    string
	Healthy bool
	Memory  int64 // bytes in all
	CPU     int   // thousandths of a core in all
}

// A Space is the whole wanted network of one private space. Its addresses (Dynos, Data) are fixed once workloads are
// in it; all else may change at any time, in one step, without disturbing what did not change.
type Space struct {
	ID       string
	Dynos    netip.Prefix   // the /16 that dynos take their addresses from
	Data     netip.Prefix   // the network of data services
	Trusted  []netip.Prefix // who may reach Ingress; IPv4 and IPv6, and 0.0.0.0/0 stands for everyone
	Ingress  []netip.Addr   // addresses of this machine that lead to this space's apps alone, and answer nobody but Trusted
	Internal netip.Addr     // where the router answers inside the space's network; invalid: nowhere
	Outbound []netip.Addr   // what the outside sees as the source; empty: the machine's own address
	Egress   []Pass         // where dynos may go outside; nil: everywhere that is not private
	Mail     bool           // SMTP on port 25 is open
	Peers    []Peer         // other networks that dynos may talk with
	Names    []Name         // what the space's resolver knows of its own, sorted; nothing else under localspace exists
	Topology []byte         // what dynos read in /etc/heroku/space-topology.json; nil: no such file
	Builds   bool           // the network of builds: internet by the machine's address, nothing private, no way in
}

// A Pass lets dynos go out to a network. Protocol is an IP protocol number, 0 for any. From and To are the first and
// last port, or with ICMP the first and last type; 0 and 65535 for all.
type Pass struct {
	Target   netip.Prefix
	Protocol int
	From, To uint16
}

// A Peer is another network that a space is joined to: that of another space, or one that an interface of the machine
// leads to. Its machines reach dynos, and Internal, and dynos reach them; nobody else of either side is reached
// through it, data services least of all. Exactly one of Space and Network is set. Between two spaces the way is open
// when both have each other as a peer.
type Peer struct {
	ID       string
	Space    string         // id of the other space
	Network  string         // name of a network in the engine's configuration
	Prefixes []netip.Prefix // the addresses over there
}

// A Name is a name and its addresses, of which a question gets all, in varying order. The name is lower case and ends
// in a dot.
type Name struct {
	Name      string
	Addresses []netip.Addr
}

// A Subnet is a part of a space's network.
type Subnet string

const (
	Dynos Subnet = "dynos"
	Data  Subnet = "data"
)

// A Workload is something to run. ID is unique for ever: it is never used again.
type Workload struct {
	ID       string
	Owner    string // what List filters by: an app's id, "builds", an add-on's id
	Space    string
	Subnet   Subnet
	Node     string // optional: where; otherwise any node of Zone
	Zone     string
	Image    string   // digest of an OCI image manifest, "sha256:…", in the store the engine was configured with
	Command  []string // run by the image's init, as the image's user
	Hold     bool     // run no command: wait for those of Exec, until stopped, and then for the last of them to end
	Env      map[string]string
	Dir      string // working directory; "" is the image's
	Size     Size
	Port     int // a web process's $PORT; Status tells when it is bound. 0: none
	Hostname string
	Volumes  []Volume
	Labels   map[string]string // kept and listed, never interpreted
}

// Isolation is the owner of the workloads of `cloister doctor isolation`: no app, and looked after by that command alone.
const Isolation = "isolation"

// A Size limits what a workload may use. Zero means: the engine's default.
type Size struct {
	Memory int64 // bytes, no swap
	CPU    int   // thousandths of a core at most
	PIDs   int   // processes and threads at most
	Disk   int64 // bytes written to its own file system at most
}

// A Volume is storage that outlives workloads, or scratch space with a hard limit.
type Volume struct {
	ID   string
	Path string // where it is mounted
	Size int64  // bytes
}

// A Phase is how far a workload is.
type Phase string

const (
	Starting Phase = "starting" // asked for, no process yet
	Running  Phase = "running"
	Exited   Phase = "exited" // for good; ExitStatus says how
)

// Status is what an engine sees of a workload.
type Status struct {
	ID         string
	Owner      string
	Space      string
	Node       string
	Zone       string
	Phase      Phase
	Listening  bool           // Port is bound on an address others can reach
	Address    netip.Addr     // in the space's network
	Endpoint   netip.AddrPort // where the router reaches Port; invalid when Port is 0
	StartedAt  time.Time      // of the first process
	ExitedAt   time.Time
	ExitStatus int   // as a shell tells it: 128+n when killed by signal n
	OOM        bool  // the kernel killed a process for memory
	Peak       int64 // with OOM: the most memory that was in use at once, in bytes
	Labels     map[string]string
}

// Usage is what a workload uses, as the kernel counts it.
type Usage struct {
	ID       string
	Owner    string
	At       time.Time
	Memory   int64         // bytes that count against the limit: RSS, the file cache, and the kernel's own
	RSS      int64         // bytes of the processes' own memory
	Cache    int64         // bytes of files
	Swap     int64         // bytes
	Limit    int64         // bytes
	PagesIn  int64         // pages charged since the start; 0 where the kernel does not count them (control groups version 2)
	PagesOut int64         // pages given back
	CPU      time.Duration // since the start
	Runnable int           // threads that run, or wait for a processor
	PIDs     int           // processes and threads
}

// A Line is a line of a workload's output, without its newline, at most 10 000 bytes; longer ones come in pieces.
type Line struct {
	At      time.Time
	Stderr  bool
	Text    string
	Dropped int // lines before this one that were forgotten before they were read: the workload is too fast, or the reader too slow
}

// A Process is a command to run inside a workload; or, with Dial, a connection from there: In is what is sent, and its
// end the end of that half; Out is what comes, after one zero byte that says that there is a connection. Where there is
// none the status is 1, and Err says why.
type Process struct {
	Command []string
	Dial    string            // "host:port", in place of Command, over TCP, as the workload would reach it; 0.0.0.0 is the workload itself
	Env     map[string]string // on top of the workload's own
	Dir     string            // "" is the workload's
}

// A Terminal is where a process reads and writes. With TTY a pseudo-terminal is made, Err is unused and each value
// of Resize sets the window. A nil In is an empty input; nil writers discard. Began, if there is one, is called once,
// when the process runs and before any of its output is passed on. Each value of Hangup sends SIGHUP to the process
// and its descendants.
type Terminal struct {
	In     io.Reader
	Out    io.Writer
	Err    io.Writer
	TTY    bool
	Window Window
	Resize <-chan Window
	Began  func()
	Hangup <-chan struct{}
}

// A Window is the size of a terminal in characters.
type Window struct{ Rows, Columns uint16 }

// An Event hints that a workload has changed, or the health of a node.
type Event struct {
	ID    string // of a workload
	Owner string // its owner
	Node  string // of a node; then there is no workload
}
