package drain

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister/internal/drain/draintest"
)

func TestRsyslogGetsAHundredThousandLinesInOrderThroughRestarts(t *testing.T) {
	t.Parallel()
	secure, roots := trust(t)
	url, file := draintest.Rsyslog(t, secure)
	h := newHouse(t, roots, url)
	h.chatter()
	h.say("web.1", "[looks like=\"data\"] and is text")
	x := &inbox{}
	eventually(t, func() error {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		*x = inbox{}
		for lines := bufio.NewScanner(f); lines.Scan(); {
			w := strings.SplitN(lines.Text(), " ", 5)
			if len(w) != 5 || w[0] != h.drains[0].Token || w[1] != "app" || w[3] != "-" {
				return fmt.Errorf("it wrote %q", lines.Text())
			}
			x.messages = append(x.messages, message{proc: w[2], text: w[4]})
		}
		if err := x.counted(50_000, false, "web.1", "worker.1"); err != nil {
			return err
		}
		if last := x.messages[len(x.messages)-1].text; strings.TrimSpace(last) != "[looks like=\"data\"] and is text" {
			return fmt.Errorf("the last is %q", last)
		}
		return nil
	})
	if _, err := strconv.Atoi(strings.TrimSpace(x.messages[0].text)); err != nil {
		t.Errorf("the first is %q", x.messages[0].text)
	}
}
