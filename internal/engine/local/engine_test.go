package local_test

import (
	"strings"
	"testing"

	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/enginetest"
)

// TestContract tests the engine as it is used: in a process of its own, over a socket, killed without warning.
func TestContract(t *testing.T) {
	m := newMachine(t, "contract")
	n := m.node()
	enginetest.Run(t, func(t *testing.T) enginetest.Setup {
		return enginetest.Setup{
			Engine: n, Image: m.image, Commands: enginetest.Shell("httpd -f -p $PORT"),
			Missing: "sha256:" + strings.Repeat("0", 64),
			Restart: func(*testing.T) engine.Engine {
				n.kill()
				n = m.node()
				return n
			},
		}
	})
	n.kill()
}
