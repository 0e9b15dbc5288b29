package server

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

// Whenever the machine stops while the key is replaced, the next start ends it.
func TestTheKeyIsReplacedWhereverItWasInterrupted(t *testing.T) {
	for name, interrupt := range map[string]func(t *testing.T, c Config){
		"not at all": func(*testing.T, Config) {},
		"after the secrets were sealed": func(t *testing.T, c Config) {
			keys, _ := readKey(c.keyFile())
			next, _ := readKey(c.nextKeyFile())
			if err := reseal(t.Context(), c, keys, next); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			log := slog.New(slog.DiscardHandler)
			c := Default()
			c.State = t.TempDir()
			if err := os.MkdirAll(c.controlDir(), 0o755); err != nil {
				t.Fatal(err)
			}
			s, first, err := openStore(t.Context(), c, log)
			if err != nil {
				t.Fatal(err)
			}
			p := platform.New(s, platform.Config{}, log)
			a, err := p.SetUp(t.Context(), platform.Setup{Email: "ada@example.com", Password: "long enough", Team: "acme"})
			if err != nil {
				t.Fatal(err)
			}
			client, err := p.CreateOAuthClient(t.Context(), a, "Amazing", "https://app.example/")
			if err != nil {
				t.Fatal(err)
			}
			host, err := s.Kept(t.Context(), "ssh host key", first.derive("ssh"))
			if err != nil {
				t.Fatal(err)
			}
			s.Close()

			next, err := newKey(c.nextKeyFile())
			if err != nil {
				t.Fatal(err)
			}
			interrupt(t, c)
			s, keys, err := openStore(t.Context(), c, log)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if bytes.Equal(keys, first) || !bytes.Equal(keys, next) {
				t.Error("the key is not the next one")
			}
			got, err := platform.New(s, platform.Config{}, log).OAuthClient(t.Context(), a, client.ID)
			if err != nil || got.Secret != client.Secret {
				t.Errorf("a secret is %v, %v", got.Secret == client.Secret, err)
			}
			if again, err := s.Kept(t.Context(), "ssh host key", keys.derive("ssh")); err != nil || !bytes.Equal(again, host) {
				t.Errorf("clients of SSH are told of another host: %v", err)
			}
			old, _ := filepath.Glob(c.keyFile() + ".2*")
			if len(old) != 1 {
				t.Fatalf("old keys: %v", old)
			}
			if kept, err := readKey(old[0]); err != nil || !bytes.Equal(kept, first) {
				t.Errorf("the old key is not kept: %v", err)
			}
			if _, err := os.Stat(c.nextKeyFile()); err == nil {
				t.Error("the next key is still to come")
			}
			var events []cloister.Event
			if err := s.View(t.Context(), func(tx *store.Tx) (err error) {
				events, err = tx.Events(cloister.EventFilter{Kind: "sealing_key"}, 10)
				return err
			}); err != nil || len(events) != 1 {
				t.Errorf("the trail has it %d times, %v", len(events), err)
			}
		})
	}
}
