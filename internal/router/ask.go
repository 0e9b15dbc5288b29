package router

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/cloister-dev/cloister"
)

// Routers dial control, and not the other way round. So a router asks control for questions, and brings the answer to
// one along when it asks for the next.

// A question is: who has used this space of late?
type question struct {
	Number int64
	Space  string
}

// A reply is a router's answer to a question; with Number 0 it has none, and only asks.
type reply struct {
	Router  string
	Number  int64
	Clients []cloister.Client
}

// An inquiry is a question that was put to some routers, of which each answers once.
type inquiry struct {
	question
	open    map[string]bool // routers that have not answered yet
	clients []cloister.Client
	done    chan struct{} // closed when all have
}

const answerIn = 2 * time.Second

// Recent is the clients from outside that have used a space's apps within the last day, as all connected routers
// together remember it, the latest first. A router remembers at least the last thousand of each space. One that does
// not answer within two seconds is left out.
func (f *Feed) Recent(spaceID string) []cloister.Client {
	f.mu.Lock()
	q := &inquiry{question: question{f.asked + 1, spaceID}, open: map[string]bool{}, done: make(chan struct{})}
	f.asked++
	for id, p := range f.routers {
		if !p.Gone && (p.asking > 0 || time.Since(p.seen) < forgetAfter) {
			q.open[id] = true
		}
	}
	if len(q.open) == 0 {
		f.mu.Unlock()
		return nil
	}
	f.inquiries = append(f.inquiries, q)
	close(f.questions)
	f.questions = make(chan struct{})
	f.mu.Unlock()
	select {
	case <-q.done:
	case <-time.After(answerIn):
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inquiries = slices.DeleteFunc(f.inquiries, func(other *inquiry) bool { return other == q })
	return merge(q.clients)
}

// merge makes one of what several routers know of a client.
func merge(clients []cloister.Client) (out []cloister.Client) {
	at := map[netip.Addr]int{}
	for _, c := range clients {
		i, known := at[c.Address]
		if !known {
			at[c.Address] = len(out)
			out = append(out, c)
			continue
		}
		m := &out[i]
		m.Requests += c.Requests
		m.Open += c.Open
		if c.First.Before(m.First) {
			m.First = c.First
		}
		if c.Last.After(m.Last) {
			m.Last = c.Last
		}
	}
	slices.SortFunc(out, func(a, b cloister.Client) int {
		if c := b.Last.Compare(a.Last); c != 0 {
			return c
		}
		return a.Address.Compare(b.Address)
	})
	return out
}

// serveQuestions takes a router's answer, and waits for the next question to it.
func (f *Feed) serveQuestions(w http.ResponseWriter, r *http.Request) {
	var got reply
	if err := json.NewDecoder(r.Body).Decode(&got); err != nil || got.Router == "" {
		http.Error(w, "not a reply", http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.heard(got)
	p := f.peer(got.Router)
	p.asking++
	defer func() { p.asking-- }()
	for expired := time.After(f.poll); ; {
		for _, q := range f.inquiries {
			if q.open[got.Router] {
				json.NewEncoder(w).Encode(q.question)
				return
			}
		}
		news := f.questions
		f.mu.Unlock()
		over := false
		select {
		case <-news:
		case <-expired:
			over = true
		case <-r.Context().Done():
			over = true
		}
		f.mu.Lock()
		if over {
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
}

// heard takes an answer. The lock is held.
func (f *Feed) heard(got reply) {
	for _, q := range f.inquiries {
		if q.Number != got.Number || !q.open[got.Router] {
			continue
		}
		q.clients = append(q.clients, got.Clients...)
		if delete(q.open, got.Router); len(q.open) == 0 {
			close(q.done)
		}
	}
}

// answer answers control's questions until ctx is done.
func (r *Router) answer(ctx context.Context) {
	client := r.dialControl()
	defer client.CloseIdleConnections()
	answer := reply{Router: r.id}
	for ctx.Err() == nil {
		body, err := json.Marshal(answer)
		if err != nil {
			return // there is no such answer
		}
		each, cancel := context.WithTimeout(ctx, 2*r.limits.poll)
		got, err := call(each, client, "/questions", body)
		cancel()
		if err != nil {
			pause(ctx, 200*time.Millisecond) // that control is away, follow says
			continue
		}
		answer = reply{Router: r.id}
		var q question
		if len(got) > 0 && json.Unmarshal(got, &q) == nil {
			answer.Number, answer.Clients = q.Number, r.recent.list(q.Space, time.Now())
		}
	}
}
