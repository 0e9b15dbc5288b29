package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

// trail lists events in Heroku's form, the newest first unless asked otherwise.
func (a *API) trail(r *request) (reply, error) {
	q := r.URL.Query()
	for theirs, ours := range map[string]string{"after": "since", "before": "until"} { // which are times there
		if v := q.Get(theirs); v != "" {
			q.Set(ours, v)
			q.Del(theirs)
		}
	}
	f, n, _, err := eventQuery(q)
	if err != nil {
		return reply{}, err
	}
	switch order := q.Get("order"); order {
	case "", "desc":
		f.Newest = true
	case "asc":
	default:
		return reply{}, cloister.Errorf(cloister.Invalid, "order must be asc or desc, not %q.", order)
	}
	e, all, err := a.platform.Trail(r.Context(), r.actor, r.param("enterprise"), f, n)
	return ok(heroku.List[heroku.TrailEvent](each(all, func(v platform.TrailEvent) heroku.TrailEvent { return trailEvent(e, v) }))), err
}

func trailEvent(e platform.Enterprise, v platform.TrailEvent) heroku.TrailEvent {
	out := heroku.TrailEvent{ID: cloister.NameID("event", strconv.FormatInt(v.Seq, 10)), Type: v.Kind, Action: v.Action,
		Actor: heroku.TrailActor{ID: v.ActorID, Email: v.Event.Actor}, EnterpriseAccount: heroku.Named{ID: e.ID, Name: e.Name},
		App: heroku.TrailNamed(v.App), Team: heroku.TrailNamed(v.Team), Request: heroku.TrailRequest{IPAddress: v.From, ID: v.Request},
		Data: heroku.TrailData{Seq: v.Seq, ID: v.Event.ID, Text: v.Text, Changes: v.Changes, Seal: v.Seal}, CreatedAt: heroku.At(v.At)}
	if out.App.ID != "" && out.Team.ID != "" { // as the owner of a team's app is shown
		out.Owner = heroku.TrailActor{ID: out.Team.ID, Email: out.Team.Name + "@herokumanager.com"}
	}
	return out
}

// A ticket lets whoever has it fetch a month of the audit trail, for a while: the address of an archive is fetched without
// credentials.
type ticket struct {
	actor   cloister.Actor
	account string
	month   platform.Month
}

const (
	archivePath = "/archives/"
	ticketLife  = 10 * time.Minute
)

func (a *API) archiveList(r *request) (reply, error) {
	_, all, err := a.platform.Months(r.Context(), r.actor, r.param("enterprise"))
	return ok(heroku.List[heroku.Archive](each(all, archive))), err
}

// archiveInfo makes the archive once, to tell its size and its checksum. What is in it no longer changes.
func (a *API) archiveInfo(r *request) (reply, error) {
	_, all, err := a.platform.Months(r.Context(), r.actor, r.param("enterprise"))
	if err != nil {
		return reply{}, err
	}
	for _, m := range all {
		if strconv.Itoa(m.Year) != r.param("year") || fmt.Sprintf("%02d", m.Month) != r.param("month") {
			continue
		}
		x := ticket{actor: r.actor, account: r.param("enterprise"), month: m}
		sum, size := sha256.New(), counter(0)
		if err := a.archive(r.Request, x, io.MultiWriter(sum, &size)); err != nil {
			return reply{}, err
		}
		out := archive(m)
		out.URL = r.base() + archivePath + url.PathEscape(a.tickets.issue(x, ticketLife, time.Now()).Reveal())
		out.Checksum, out.Size = hex.EncodeToString(sum.Sum(nil)), int64(size)
		return ok(out), nil
	}
	return reply{}, &cloister.Error{Kind: cloister.NotFound, Resource: "archive", Message: "There is no archive of that month. Its events are there once a day of it is over; those of today are at /audit."}
}

func archive(m platform.Month) heroku.Archive {
	return heroku.Archive{Year: m.Year, Month: fmt.Sprintf("%02d", m.Month), CreatedAt: heroku.At(m.Till)}
}

type counter int64

func (c *counter) Write(b []byte) (int, error) { *c += counter(len(b)); return len(b), nil }

// archiveFile serves an archive to whoever has its address.
func (a *API) archiveFile(w http.ResponseWriter, r *http.Request) {
	x, ok := a.tickets.find(chi.URLParam(r, "ticket"), time.Now())
	if !ok {
		a.fail(w, r, &cloister.Error{Kind: cloister.NotFound, Resource: "archive", Message: "This address of an archive is none, or is over. Ask for another one."})
		return
	}
	note(r, x.actor.User.Email)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-%d%02d-log.json"`, x.account, x.month.Year, x.month.Month))
	if err := a.archive(r, x, w); err != nil {
		a.log.Error("an archive was not written to its end", "err", err)
		panic(http.ErrAbortHandler) // so that it looks like half of one
	}
}

// archive writes a month as a JSON array, one event to a line.
func (a *API) archive(r *http.Request, x ticket, w io.Writer) error {
	f := cloister.EventFilter{Since: x.month.Since, Until: x.month.Till}
	before := "[\n"
	for {
		e, events, err := a.platform.Trail(r.Context(), x.actor, x.account, f, platform.MaxEvents)
		if err != nil {
			return err
		}
		for _, v := range events {
			line, err := json.Marshal(trailEvent(e, v))
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(w, "%s%s", before, line); err != nil {
				return err
			}
			before, f.After = ",\n", v.Seq
		}
		if len(events) < platform.MaxEvents {
			break
		}
	}
	if before == "[\n" {
		before = "["
	}
	_, err := io.WriteString(w, map[string]string{"[": "[", ",\n": "\n"}[before]+"]\n")
	return err
}
