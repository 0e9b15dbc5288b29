package gitd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
)

// RunHook is the pre-receive hook: `cloister hook pre-receive`. Git runs it with the updates of a push on standard
// input, shows what it prints to the person who pushes, and refuses the push unless it returns 0. It decides
// nothing; it asks the server whose socket is in env, and sends it what it wants to have.
func RunHook(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer, env []string) (exit int) {
	status, err := runHook(ctx, args, stdin, stdout, env)
	if err != nil {
		fmt.Fprintf(stdout, "\n%s\n", failure("The push was not finished: "+err.Error()+". Push again."))
		return 1
	}
	return status
}

func runHook(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer, env []string) (int, error) {
	if len(args) != 1 || args[0] != "pre-receive" {
		return 1, errors.New("this hook is unknown")
	}
	vars := map[string]string{}
	var rest []string // what git may see
	for _, v := range env {
		if k, value, _ := strings.Cut(v, "="); k == socketVariable || k == secretVariable {
			vars[k] = value
		} else {
			rest = append(rest, v)
		}
	}
	updates, err := readUpdates(stdin)
	if err != nil {
		return 1, err
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", vars[socketVariable])
	if err != nil {
		return 1, errors.New("the server does not answer")
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer conn.Close()
	defer cancel()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := writeJSON(conn, frameHello, hello{Secret: vars[secretVariable], Updates: updates}); err != nil {
		return 1, errors.New("the server does not listen")
	}
	for {
		kind, content, err := readFrame(conn)
		if err != nil {
			return 1, errors.New("the server has gone away")
		}
		switch kind {
		case frameText:
			if _, err := stdout.Write(content); err != nil {
				return 1, errors.New("nobody reads the output")
			}
		case frameSource:
			// While the source is sent the server may find that it does not want it.
			wg.Go(func() { sendSource(ctx, conn, string(content), rest) })
		case frameExit:
			if len(content) != 1 {
				return 1, errors.New("the server is not understood")
			}
			return int(content[0]), nil
		}
	}
}

// readUpdates reads what git tells a pre-receive hook: "<old> <new> <ref>", a line each.
func readUpdates(r io.Reader) (out []update, err error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		old, rest, _ := strings.Cut(lines.Text(), " ")
		new, ref, ok := strings.Cut(rest, " ")
		if !ok {
			return nil, errors.New("git's list of branches is not understood")
		}
		out = append(out, update{Old: old, New: new, Ref: ref})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read git's list of branches: %w", err)
	}
	return out, nil
}
