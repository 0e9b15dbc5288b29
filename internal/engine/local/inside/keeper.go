package inside

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Keeper is the command line of the one process of this package that is outside workloads. It holds the FIFOs that
// workloads write to, and does nothing with them: while the engine is away, what a workload wrote before it ended
// would otherwise be gone with the last process that had the FIFO open.
//
// It listens on a unix socket, where a client says one line and gets one: "hold DIR" and "release DIR", for the FIFOs
// in a directory, or "end".
func Keeper(socket string) []string { return []string{Path, "keep", socket} }

func keep(socket string) error {
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		return err
	}
	held := map[string][]*os.File{}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		line, _ := bufio.NewReader(c).ReadString('\n')
		verb, dir, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch verb {
		case "hold":
			if held[dir] == nil {
				held[dir], err = openFIFOs(dir)
			}
		case "release":
			for _, f := range held[dir] {
				f.Close()
			}
			delete(held, dir)
		case "end":
			return l.Close()
		default:
			err = errors.New("what?")
		}
		if err == nil {
			fmt.Fprintln(c, "ok")
		} else {
			fmt.Fprintln(c, err)
		}
		c.Close()
	}
}

func openFIFOs(dir string) ([]*os.File, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "std*"))
	if err != nil {
		return nil, err
	}
	var out []*os.File
	for _, p := range paths {
		if st, err := os.Lstat(p); err != nil || st.Mode()&os.ModeNamedPipe == 0 {
			continue
		}
		f, err := os.OpenFile(p, os.O_RDWR|syscall.O_NONBLOCK, 0)
		if err != nil {
			return out, err
		}
		out = append(out, f)
	}
	return out, nil
}
