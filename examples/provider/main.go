// Provider is a sample provider of add-ons: it sells counters. It speaks Heroku's Add-on Partner API, version 3, and is meant
// to be copied: what is yours to change is what a resource is (counter.go); faults.go can go.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// A manifest is what the platform knows of this provider, as far as it matters here.
type manifest struct {
	ID  string `json:"id"`
	API struct {
		Prefix     string `json:"config_vars_prefix"`
		Password   string `json:"password"`
		Salt       string `json:"sso_salt"`
		Production struct {
			BaseURL string `json:"base_url"`
		} `json:"production"`
	} `json:"api"`
	Plans []struct {
		Name string `json:"name"`
	} `json:"plans"`
}

func main() {
	log.SetFlags(0)
	path := or(os.Getenv("MANIFEST"), "addon-manifest.json")
	var err error
	if len(os.Args) == 3 && os.Args[1] == "init" {
		err = write(path, strings.TrimRight(os.Args[2], "/"))
	} else {
		err = run(path)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// write makes a manifest for a provider at an address, with secrets of its own.
func write(path, address string) error {
	text := fmt.Sprintf(`{
  "id": "counters",
  "name": "Counters",
  "api": {
    "config_vars_prefix": "COUNTERS",
    "config_vars": ["COUNTERS_URL"],
    "password": %q,
    "sso_salt": %q,
    "requires": ["many_per_app", "attachable"],
    "version": "3",
    "production": {"base_url": "%[3]s/heroku/resources", "sso_url": "%[3]s/sso"}
  },
  "plans": [
    {"name": "test", "description": "A counter, at once"},
    {"name": "slow", "description": "A counter, after a while", "price": {"cents": 100, "unit": "month"}}
  ]
}
`, rand.Text(), rand.Text(), address)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // never another one's secrets
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func run(path string) error {
	p := &provider{clientSecret: os.Getenv("CLIENT_SECRET"), oauth: os.Getenv("OAUTH_URL"), http: &http.Client{Timeout: 10 * time.Second}}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%w (make one: provider init https://HOST)", err)
	}
	if err := json.Unmarshal(text, &p.manifest); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if p.manifest.ID == "" || p.manifest.API.Password == "" || p.manifest.API.Salt == "" {
		return fmt.Errorf("%s needs an id, api.password and api.sso_salt", path)
	}
	if p.slow, err = time.ParseDuration(or(os.Getenv("SLOW"), "2s")); err != nil {
		return fmt.Errorf("SLOW: %w", err)
	}
	if p.faults, err = parseFaults(os.Getenv("FAULTS")); err != nil {
		return err
	}
	if p.state, err = open(or(os.Getenv("STATE"), "state.json")); err != nil {
		return err
	}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	l, err := net.Listen("tcp", ":"+or(os.Getenv("PORT"), "5000"))
	if err != nil {
		return err
	}
	p.resume(stop)
	server := &http.Server{Handler: p.routes(), ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() {
		<-stop.Done()
		ctx, cancel := context.WithTimeout(context.Background(), 25*time.Second)
		defer cancel()
		done <- server.Shutdown(ctx)
	}()
	log.Printf("listening on %s", l.Addr())
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	err = <-done
	p.jobs.Wait()
	return err
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
