package logs

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// spools are the spools of all apps that have drains. They are there before anybody says which drains an app has, so
// that nothing is missing of what comes right after a restart.
type spools struct {
	dir  string
	most int64

	mu    sync.Mutex
	byApp map[string]*spool
}

func openSpools(dir string, most int64) (*spools, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	all := &spools{dir: dir, most: most, byApp: map[string]*spool{}}
	for _, e := range entries {
		s, err := openSpool(filepath.Join(dir, e.Name()), most)
		if err != nil {
			return nil, err
		}
		all.byApp[e.Name()] = s
	}
	return all, nil
}

// of is the spool of an app. One that has no drains has one that nothing stays in.
func (all *spools) of(app string) *spool {
	all.mu.Lock()
	defer all.mu.Unlock()
	if s := all.byApp[app]; s != nil {
		return s
	}
	return nowhere
}

var nowhere = &spool{gone: true}

// Keep says which drains an app has, by any names that are fit for files. Lines wait for each of them from now on, until
// it has taken them.
func (l *Logs) Keep(appID string, drains []string) error {
	if !isName(appID) {
		return fmt.Errorf("keep lines: bad id %q", appID)
	}
	for _, drain := range drains {
		if !isName(drain) {
			return fmt.Errorf("keep lines: bad name of a drain %q", drain)
		}
	}
	all := l.spools
	all.mu.Lock()
	defer all.mu.Unlock()
	s := all.byApp[appID]
	if s == nil {
		if len(drains) == 0 {
			return nil
		}
		var err error
		if s, err = openSpool(filepath.Join(all.dir, appID), all.most); err != nil {
			return err
		}
		all.byApp[appID] = s
	}
	if len(drains) == 0 {
		delete(all.byApp, appID)
	}
	if err := s.keep(drains); err != nil {
		return fmt.Errorf("keep lines: %w", err)
	}
	return nil
}

// Place is where a drain is that Keep was told of, or nil.
func (l *Logs) Place(appID, drain string) *Place {
	s := l.spools.of(appID)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.places[drain]
}
