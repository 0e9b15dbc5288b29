package local_test

import (
	"strings"
	"testing"

	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/enginetest"
	"github.com/cloister-dev/cloister/internal/engine/local"
)

func TestContract(t *testing.T) {
	m := newMachine(t, "contract")
	e := m.open()
	enginetest.Run(t, func(t *testing.T) enginetest.Setup {
		return enginetest.Setup{
			Engine: e, Image: m.image, Commands: enginetest.Shell("httpd -f -p $PORT"),
			Missing: "sha256:" + strings.Repeat("0", 64),
			Restart: func(t *testing.T) engine.Engine {
				e.Close()
				var err error
				if e, err = local.New(t.Context(), m.config, m.log()); err != nil {
					t.Fatal(err)
				}
				return e
			},
		}
	})
	e.Close()
}
