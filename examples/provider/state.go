package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
)

// What a resource can be. One that has ended stays known, so that a call that comes late does not bring it back.
const (
	provisioning  = "provisioning"
	provisioned   = "provisioned"
	deprovisioned = "deprovisioned"
)

// A resource is a counter, and whose it is.
type resource struct {
	ID       string `json:"id"` // the platform's UUID: by it calls are told apart
	Name     string `json:"name"`
	Plan     string `json:"plan"`
	State    string `json:"state"`
	Callback string `json:"callback,omitempty"` // the add-on in the Platform API
	Code     string `json:"code,omitempty"`     // good once, for the tokens
	Access   string `json:"access,omitempty"`
	Refresh  string `json:"refresh,omitempty"`
	Key      string `json:"key,omitempty"` // who knows it may count
	Count    int    `json:"count"`
}

// A state is all resources, kept in a file that is replaced as a whole. A larger provider has a database, with the platform's
// UUID as a unique key.
type state struct {
	path string
	mu   sync.Mutex
	all  map[string]resource
}

func open(path string) (*state, error) {
	s := &state{path: path, all: map[string]resource{}}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	return s, json.Unmarshal(text, &s.all)
}

// update changes a resource, or makes it, and returns it as it is then. It is on disk before anybody hears of it.
func (s *state) update(id string, change func(r *resource)) (resource, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.all[id]
	change(&r)
	if r == s.all[id] {
		return r, nil
	}
	all := maps.Clone(s.all)
	all[id] = r
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return resource{}, err
	}
	f, err := os.CreateTemp(filepath.Dir(s.path), ".state-*")
	if err != nil {
		return resource{}, err
	}
	defer os.Remove(f.Name()) // nothing, once it is renamed
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return resource{}, err
	}
	if err := os.Rename(f.Name(), s.path); err != nil {
		return resource{}, err
	}
	s.all = all
	return r, nil
}

// find returns the first resource that is as asked.
func (s *state) find(is func(resource) bool) (resource, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.all {
		if is(r) {
			return r, true
		}
	}
	return resource{}, false
}

func (s *state) get(id string) (resource, bool) {
	return s.find(func(r resource) bool { return r.ID == id })
}
