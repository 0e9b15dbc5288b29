package api_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/api"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/store"
)

// cellars stand for the data services that run, for the way in to them, and for their backups.
type cellars struct{ h *house }

func (c cellars) Info(context.Context, string) ([]cloister.Fact, error) {
	return []cloister.Fact{{Name: "Plan", Values: []string{"Small"}}, {Name: "Tables", Values: []string{"7"}}}, nil
}

func (c cellars) Settings(context.Context, string) ([]cloister.Setting, error) {
	return []cloister.Setting{{Name: "log_statement", Value: "ddl", Values: map[string]string{"ddl": "what changes tables is logged"}},
		{Name: "timeout", Value: "300"}, {Name: "quiet", Value: "false"}}, nil
}

func (c cellars) Do(_ context.Context, _, what string) error {
	c.h.done = append(c.h.done, what)
	return nil
}

func (c cellars) OfferData(_ cloister.Actor, addonID, host string) (api.Bastion, error) {
	return api.Bastion{Host: host, Port: 22, Key: "key of " + cloister.Secret(addonID), HostKey: "ssh-ed25519 AAAA"}, nil
}

func (c cellars) Open(string) (io.ReadCloser, int64, error) {
	return io.NopCloser(strings.NewReader("PGDMP")), 5, nil
}

func nobody(r *http.Request) { r.Header.Del("Authorization") }

func TestADatabaseTellsOfItself(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	x, _, _ := h.vault(h.app("cellar", "hello"))
	h.update(func(tx *store.Tx) error {
		return tx.PutAddonConfig(x.ID, "credential:reader", map[string]cloister.Secret{"VAULT_URL": "postgres://reader.1:pw@vault.data.localspace:5432/d1"})
	})
	var info heroku.Database
	h.call("GET", "/client/v11/databases/"+x.ID, nil).want(t, 200, &info)
	if info.Plan != "vault:small" || len(info.Info) != 2 || info.Info[1].Name != "Tables" || info.Info[1].Values[0] != "7" {
		t.Errorf("it is %+v", info)
	}
	settings := map[string]heroku.DatabaseSetting{}
	h.call("PATCH", "/postgres/v0/databases/"+x.Name+"/config", `{"log_statement":"ddl","timeout":300,"quiet":false}`).want(t, 200, &settings)
	if settings["log_statement"].Value != "ddl" || settings["timeout"].Value != 300.0 || settings["quiet"].Value != false {
		t.Errorf("its settings are %+v", settings)
	}
	var now cloister.Addon
	h.update(func(tx *store.Tx) (err error) { now, err = tx.Addon(x.ID); return err })
	if now.Settings["timeout"] != "300" || now.Settings["quiet"] != "false" || !now.Changing {
		t.Errorf("it is to be set to %v", now.Settings)
	}
	var wait heroku.DatabaseWait
	h.call("GET", "/client/v11/databases/"+x.ID+"/wait_status", nil).want(t, 200, &wait)
	if !wait.Waiting || wait.Message != "Changing" {
		t.Errorf("one waits for %+v", wait)
	}
	var one heroku.Credential
	h.call("GET", "/postgres/v0/databases/"+x.Name+"/credentials/reader", nil).want(t, 200, &one)
	if one.Host != "vault.data.localspace" || one.Port != 5432 || one.Database != "d1" || one.Credentials[0].User != "reader.1" {
		t.Errorf("its credential is %+v", one)
	}
	var way heroku.Bastion
	h.call("GET", "/client/v11/databases/"+x.ID+"/bastion", nil).want(t, 200, &way)
	if *way.PrivateKey != "key of "+x.ID || way.Port != 22 {
		t.Errorf("the way in is %+v", way)
	}
	h.call("PUT", "/client/v11/databases/"+x.ID+"/reset", nil).want(t, 200, nil)
	if len(h.done) != 1 || h.done[0] != "reset" {
		t.Errorf("done is %v", h.done)
	}
}

func TestABackupIsFetchedByItsAddressAlone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	x, _, backup := h.vault(h.app("cellar", "hello"))
	var all []heroku.Transfer
	h.call("GET", "/client/v11/apps/hello/transfers", nil).want(t, 200, &all)
	if len(all) != 1 || all[0].FromType != "pg_dump" || all[0].ToType != "gof3r" || !*all[0].Succeeded || *all[0].ToURL == "" {
		t.Fatalf("there are %+v", all)
	}
	var at heroku.PublicURL
	h.call("POST", "/client/v11/apps/hello/transfers/1/actions/public-url", nil).want(t, 201, &at)
	path := at.URL[strings.Index(at.URL, "/backups/"):]
	if a := h.call("GET", path, nil, nobody); !bytes.Equal(a.body, []byte("PGDMP")) {
		t.Errorf("without credentials: %s %s", a.Status, a.body)
	}
	if a := h.call("GET", path+"x", nil, nobody); a.StatusCode != 404 {
		t.Errorf("another address: %s", a.Status)
	}
	for _, url := range []string{*all[0].ToURL, at.URL} {
		var r heroku.Transfer
		h.call("POST", "/client/v11/databases/"+x.ID+"/restores", `{"backup_url":"`+url+`"}`).want(t, 201, &r)
		var stored cloister.Transfer
		h.update(func(tx *store.Tx) (err error) { stored, err = tx.Transfer(r.UUID); return err })
		if stored.Source.Reveal() != backup.ID || r.FromType != "gof3r" || r.ToType != "pg_restore" {
			t.Errorf("%s is restored from %s: %+v", url, stored.Source.Reveal(), r)
		}
		if a := h.call("POST", "/client/v11/databases/"+x.ID+"/restores", `{"backup_url":"`+url+`"}`); a.StatusCode != 422 {
			t.Errorf("two restores at once: %s", a.Status)
		}
		h.update(func(tx *store.Tx) error {
			stored.FinishedAt = tx.Now
			return tx.PutTransfer(stored)
		})
	}
	if a := h.call("POST", "/client/v11/databases/"+x.ID+"/restores", `{"backup_url":"cloister://backups/`+cloister.NewID()+`"}`); a.StatusCode != 422 {
		t.Errorf("no backup: %s", a.Status)
	}
}
