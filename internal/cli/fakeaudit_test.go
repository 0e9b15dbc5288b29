package cli_test

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cloister-dev/cloister/internal/heroku"
)

// auditRoutes have a trail of 1 500 events, of which the seventh has been changed while the space called broken exists.
func (f *fake) auditRoutes(mux *http.ServeMux) {
	var all []heroku.Event
	for i := range 1500 {
		e := heroku.Event{Seq: int64(i + 1), CreatedAt: heroku.At(fakeNow.Add(time.Duration(i-1500) * time.Minute)), Actor: heroku.EventActor{Email: "ann@example.com", Address: "192.0.2.1"},
			RequestID: "r" + strconv.Itoa(i+1), Type: "app", ID: id(i), Action: "update", Text: "app-" + strconv.Itoa(i+1), Seal: strings.Repeat("0", 60) + strconv.Itoa(1000+i)}
		if i == 1498 {
			e.Changes = []byte(`{"maintenance":[false,true]}`)
		}
		if i == 1499 {
			e.Type, e.Action, e.Text, e.Actor = "space", "create", "cellar", heroku.EventActor{}
		}
		all = append(all, e)
	}
	mux.HandleFunc("GET /audit", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		after, _ := strconv.ParseInt(q.Get("after"), 10, 64)
		since, _ := time.Parse(time.RFC3339, q.Get("since"))
		until, err := time.Parse(time.RFC3339, q.Get("until"))
		if err != nil {
			until = fakeNow
		}
		out := heroku.List[heroku.Event]{}
		for _, e := range all {
			if e.Seq > after && len(out) < 1000 && !e.CreatedAt.Before(since) && e.CreatedAt.Before(until) && strings.HasPrefix(e.Type, q.Get("type")) && strings.HasPrefix(e.Actor.Email, q.Get("actor")) {
				out = append(out, e)
			}
		}
		if q.Get("wait") != "" { // something happens, and then nobody may look any more
			if after >= 1501 {
				reply(w, http.StatusForbidden, heroku.Error{ID: "forbidden", Message: "Gone."})
				return
			}
			out = append(out, heroku.Event{Seq: 1501, CreatedAt: heroku.At(fakeNow), Type: "zone", Action: "fail", Text: "b"})
		}
		reply(w, 200, out)
	})
	mux.HandleFunc("POST /audit/actions/verify", func(w http.ResponseWriter, r *http.Request) {
		for _, s := range f.spaces {
			if s.Name == "broken" {
				reply(w, 200, heroku.Audit{Events: 6, Seq: 6, Seal: all[5].Seal, Broken: 7, Reason: "Event 7 of 2024-01-01T02:10:05Z is not as it was written."})
				return
			}
		}
		reply(w, 200, heroku.Audit{Events: 1500, Seq: 1500, Seal: all[1499].Seal})
	})
}
