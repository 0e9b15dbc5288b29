package drain

import (
	"net"
	"testing"
	"time"
)

// A little is read all the time: that is slow, and not still.
func TestLittleWaitsInTheKernel(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil, newSyslogReceiver(t, nil, func(net.Conn) { <-t.Context().Done() }))
	h.pace.write = 200 * time.Millisecond
	s := newSyslog(h.drains[0], h.config, h.pace)
	if err := s.connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	took := 0
	for ; s.link != nil; took += writeBytes {
		s.write(t.Context(), make([]byte, writeBytes))
	}
	if took > 1<<20 {
		t.Errorf("%d bytes are taken for one who reads nothing", took)
	}
}
