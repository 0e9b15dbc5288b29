package gitd

import (
	"os"
	"path/filepath"
	"sync"
)

// Quarantines are the directories in which git keeps the objects of pushes that are not accepted yet. Git leaves
// them behind when it is killed, as it is when the person who pushes goes away. They are known by their name only,
// so they are removed when no push to the repository goes on.
type quarantines struct {
	mu    sync.Mutex
	count map[repository]int // of pushes that go on
}

// enter notes that a push goes on, until leave is called, after git has ended.
func (q *quarantines) enter(repo repository) (leave func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.count == nil {
		q.count = map[repository]int{}
	}
	q.count[repo]++
	return func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.count[repo]--; q.count[repo] > 0 {
			return
		}
		delete(q.count, repo)
		left, _ := filepath.Glob(filepath.Join(string(repo), "objects", "*incoming-*"))
		for _, dir := range left {
			os.RemoveAll(dir) // what stays is tried again after the next push
		}
	}
}
