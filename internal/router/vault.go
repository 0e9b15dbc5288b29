package router

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"github.com/cloister-dev/cloister"
)

// Certificates and their keys are most of a table, and seldom change. So the table that goes to routers, and lies on their disks,
// only names them by their sums; a router asks for those that it does not have, and keeps each in a file of its own.

// split takes the certificates out of a table, and leaves their names and sums.
func split(routes cloister.Routes) (cloister.Routes, map[string]cloister.Certificate) {
	all := map[string]cloister.Certificate{}
	name := func(list []cloister.Certificate) (out []cloister.Certificate) {
		for _, c := range list {
			if c.Sum == "" {
				c = c.Summed()
			}
			all[c.Sum] = c
			out = append(out, cloister.Certificate{Names: c.Names, Sum: c.Sum})
		}
		return out
	}
	routes.Certificates, routes.Apps = name(routes.Certificates), slices.Clone(routes.Apps)
	for i := range routes.Apps {
		routes.Apps[i].Certificates = name(routes.Apps[i].Certificates)
	}
	return routes, all
}

// serveCertificates gives a router those certificates of the table that it asks for.
func (f *Feed) serveCertificates(w http.ResponseWriter, r *http.Request) {
	var sums []string
	if err := json.NewDecoder(r.Body).Decode(&sums); err != nil {
		http.Error(w, "not sums", http.StatusBadRequest)
		return
	}
	var out []cloister.Certificate
	f.mu.Lock()
	for _, sum := range sums {
		if c, ok := f.certificates[sum]; ok {
			out = append(out, c)
		}
	}
	f.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(out)
}

// join puts the certificates that a table names into it: those on disk, and the others as ask answers, if that is not nil. What the
// table in force has as well is left as it is.
func (r *Router) join(routes *cloister.Routes, ask func(sums []string) ([]cloister.Certificate, error)) error {
	missing := map[string][]*cloister.Certificate{}
	parsed := r.table.Load().certs.parsed
	look := func(list []cloister.Certificate) {
		for i := range list {
			c := &list[i]
			if parsed[c.Sum] != nil {
				continue
			}
			if err := r.unpack(c); err != nil {
				missing[c.Sum] = append(missing[c.Sum], c)
			}
		}
	}
	look(routes.Certificates)
	for _, a := range routes.Apps {
		look(a.Certificates)
	}
	if len(missing) == 0 || ask == nil {
		return nil
	}
	var sums []string
	for sum := range missing {
		sums = append(sums, sum)
	}
	got, err := ask(sums)
	if err != nil {
		return err
	}
	for _, c := range got {
		for _, place := range missing[c.Sum] {
			place.Chain, place.Key, place.Staple = c.Chain, c.Key, c.Staple
		}
		delete(missing, c.Sum)
		if err := r.pack(c); err != nil {
			r.log.Error("certificate not kept on disk", "names", c.Names, "cause", err)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%d certificates are not there any more", len(missing)) // there is a newer table
	}
	return nil
}

// fetch asks control for certificates.
func fetch(ctx context.Context, client *http.Client, sums []string) (out []cloister.Certificate, err error) {
	body, err := json.Marshal(sums)
	if err != nil {
		return nil, err
	}
	got, err := call(ctx, client, "/certificates", body)
	if err == nil {
		err = json.Unmarshal(got, &out)
	}
	return out, err
}

func (r *Router) certificateDir() string { return filepath.Join(r.config.State, "certificates") }

func (r *Router) certificateFile(sum string) string {
	return filepath.Join(r.certificateDir(), sum+".json")
}

// pack keeps a certificate on disk.
func (r *Router) pack(c cloister.Certificate) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return r.keep(r.certificateFile(c.Sum), text)
}

// unpack reads a certificate from disk.
func (r *Router) unpack(c *cloister.Certificate) error {
	if r.config.State == "" {
		return fs.ErrNotExist
	}
	text, err := os.ReadFile(r.certificateFile(c.Sum))
	if err != nil {
		return err
	}
	var kept cloister.Certificate
	if err := json.Unmarshal(text, &kept); err != nil {
		return err
	}
	if kept.Summed().Sum != c.Sum {
		return errors.New("it is another one")
	}
	c.Chain, c.Key, c.Staple = kept.Chain, kept.Key, kept.Staple
	return nil
}

// sweep removes from disk the certificates that a table had and the one in force has not.
func (r *Router) sweep(old *table) {
	if r.config.State == "" {
		return
	}
	parsed := r.table.Load().certs.parsed
	for sum := range old.certs.parsed {
		if parsed[sum] == nil {
			os.Remove(r.certificateFile(sum)) // if it stays it is in nobody's way
		}
	}
}
