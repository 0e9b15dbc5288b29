package local

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister/internal/engine"
)

// A shim says that a process has begun before it has opened its end of the input, which it then does as this test does.
func TestInputWaitsForALateShim(t *testing.T) {
	for range 100 {
		s, err := openStreams(filepath.Join(t.TempDir(), "io"), engine.Terminal{In: strings.NewReader("all of it")})
		if err != nil {
			t.Fatal(err)
		}
		noMore := make(chan struct{})
		s.began(func() { close(noMore) })
		select {
		case <-noMore:
			t.Fatal("the input ended without a reader")
		case <-time.After(time.Millisecond): // long enough for the mistake, which is to write at once
		}
		held := make(chan *os.File)
		go func() {
			f, err := os.OpenFile(s.config.Stdin, os.O_WRONLY, 0)
			if err != nil {
				t.Error(err)
			}
			held <- f
		}()
		r, err := os.Open(s.config.Stdin)
		if err != nil {
			t.Fatal(err)
		}
		f := <-held
		go func() {
			<-noMore
			f.Close()
		}()
		if got, err := io.ReadAll(r); err != nil || string(got) != "all of it" {
			t.Errorf("the shim got %q, %v", got, err)
		}
		r.Close()
		s.close()
	}
}

func TestInputWithoutAShimEnds(t *testing.T) {
	s, err := openStreams(filepath.Join(t.TempDir(), "io"), engine.Terminal{In: strings.NewReader("lost")})
	if err != nil {
		t.Fatal(err)
	}
	s.began(func() { t.Error("the input of closed streams has ended") })
	s.close()
	if f, err := s.openStdin(); f != nil || !errors.Is(err, os.ErrClosed) {
		t.Errorf("closed streams were opened: %v, %v", f, err)
	}
}
