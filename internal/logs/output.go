package logs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

const closedMark = "closed" // a file that says an output is complete

// An output is the text of one build or release phase, in a directory of its own: pieces 0, 1, … each half as long
// as what is kept, of which the last two are there, and the mark that it is complete.
type output struct {
	l    *Logs
	path string

	mu      sync.Mutex
	file    *os.File // nil when nobody writes
	piece   int
	size    int64         // of the piece
	changed chan struct{} // closed, and made anew, when there is more to read
	closed  bool
}

// Output opens the text of a build or a release phase, by the id of either, to be appended to. It may be opened
// again after a restart, also when it was closed. Readers follow it until it is closed, so whoever gives up on a
// build must open and close it. Control characters are left out as by CleanWriter. When the file can not be made,
// each Write says so.
func (l *Logs) Output(id string) io.WriteCloser {
	if !isName(id) {
		return broken{fmt.Errorf("open output: bad id %q", id)}
	}
	l.mu.Lock()
	o := l.output(id)
	l.mu.Unlock()
	if err := o.open(); err != nil {
		return broken{err}
	}
	return &outputWriter{o: o, clean: CleanWriter(o)}
}

// DropOutput deletes an output.
func (l *Logs) DropOutput(id string) error {
	if !isName(id) {
		return nil
	}
	l.mu.Lock()
	o := l.output(id)
	l.mu.Unlock()
	o.close()
	if err := os.RemoveAll(o.path); err != nil {
		return fmt.Errorf("drop output: %w", err)
	}
	return nil
}

// output is what the writers and readers of an output share. It is called with mu held.
func (l *Logs) output(id string) *output {
	o, ok := l.outputs[id]
	if !ok {
		o = &output{l: l, path: filepath.Join(l.config.Dir, "output", id), changed: make(chan struct{})}
		_, o.piece = pieces(o.path)
		l.outputs[id] = o
	}
	return o
}

type outputWriter struct {
	o     *output
	clean io.Writer
	once  sync.Once
}

func (w *outputWriter) Write(p []byte) (int, error) { return w.clean.Write(p) }

func (w *outputWriter) Close() (err error) {
	w.once.Do(func() { err = w.o.close() })
	return err
}

// open makes o ready to be written to. It is repeatable.
func (o *output) open() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.file != nil {
		return nil
	}
	if err := os.MkdirAll(o.path, 0o700); err != nil {
		return fmt.Errorf("open output: %w", err)
	}
	if err := os.Remove(filepath.Join(o.path, closedMark)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("open output: %w", err)
	}
	_, last := pieces(o.path)
	return o.begin(max(last, 0))
}

// begin goes on with the given piece.
func (o *output) begin(piece int) error {
	f, err := os.OpenFile(o.piecePath(piece), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open output: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(fmt.Errorf("open output: %w", err), f.Close())
	}
	if o.file != nil {
		o.file.Close() // nothing is buffered
	}
	o.file, o.piece, o.size = f, piece, info.Size()
	return nil
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.file == nil {
		return 0, os.ErrClosed
	}
	if half := o.l.config.OutputBytes / 2; o.size > 0 && o.size+int64(len(p)) > half {
		if err := o.begin(o.piece + 1); err != nil {
			return 0, err
		}
		if err := os.Remove(o.piecePath(o.piece - 2)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return 0, fmt.Errorf("shorten output: %w", err)
		}
	}
	n, err := o.file.Write(p)
	o.size += int64(n)
	o.change()
	if err != nil {
		return n, fmt.Errorf("write output: %w", err)
	}
	return n, nil
}

// close says that the output is complete and takes it out of memory.
func (o *output) close() error {
	o.l.mu.Lock()
	if id := filepath.Base(o.path); o.l.outputs[id] == o {
		delete(o.l.outputs, id)
	}
	o.l.mu.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return nil
	}
	o.closed = true
	o.change()
	if o.file == nil {
		return nil
	}
	err := o.file.Close()
	o.file = nil
	if err2 := os.WriteFile(filepath.Join(o.path, closedMark), nil, 0o600); err == nil {
		err = err2
	}
	if err != nil {
		return fmt.Errorf("close output: %w", err)
	}
	return nil
}

// suspend lets go of the file: the process ends before the output does.
func (o *output) suspend() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.file != nil {
		o.file.Close() // nothing is buffered
		o.file = nil
	}
}

func (o *output) change() {
	close(o.changed)
	o.changed = make(chan struct{})
}

func (o *output) piecePath(n int) string { return filepath.Join(o.path, strconv.Itoa(n)) }

// pieces are the numbers of the first and the last piece of an output; both are -1 when there is none.
func pieces(path string) (first, last int) {
	first, last = -1, -1
	entries, err := os.ReadDir(path)
	if err != nil {
		return first, last
	}
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if first < 0 || n < first {
			first = n
		}
		last = max(last, n)
	}
	return first, last
}

// broken is an output that could not be opened.
type broken struct{ err error }

func (b broken) Write([]byte) (int, error) { return 0, b.err }
func (b broken) Close() error              { return b.err }
