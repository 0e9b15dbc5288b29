package api

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

// Backups are the files of backups.
type Backups interface {
	// Open opens the file of a backup; NotFound if there is none.
	Open(transferID string) (io.ReadCloser, int64, error)
}

const (
	backupPath = "/backups/"
	backupLife = time.Hour // of an address

	// backupName comes before the id of a backup where clients have an address of it that they only pass on.
	backupName = "cloister://backups/"
)

func (a *API) transferRoutes(r chi.Router) {
	r.Get("/client/v11/apps/{app}/transfers", a.do(a.transferList))
	r.Get("/client/v11/apps/{app}/transfers/{transfer}", a.do(a.transferInfo))
	r.Delete("/client/v11/apps/{app}/transfers/{transfer}", a.do(a.transferDelete))
	r.Post("/client/v11/apps/{app}/transfers/{transfer}/actions/public-url", a.do(a.transferURL))
	r.Post("/client/v11/apps/{app}/transfers/{transfer}/actions/cancel", a.do(a.transferCancel))
	r.Post("/client/v11/databases/{addon}/backups", a.do(a.capture))
	r.Post("/client/v11/databases/{addon}/restores", a.do(a.restore))
	r.Post("/client/v11/databases/{addon}/transfers", a.do(a.databaseCopy))
	r.Get(backupPath+"{ticket}", a.backupFile)
}

func (a *API) transferList(r *request) (reply, error) {
	all, err := a.platform.Transfers(r.Context(), r.actor, r.param("app"))
	return ok(heroku.List[heroku.Transfer](each(all, transfer))), err
}

func (a *API) transferInfo(r *request) (reply, error) {
	t, err := a.platform.Transfer(r.Context(), r.actor, r.param("app"), r.param("transfer"))
	return ok(transfer(t)), err
}

func (a *API) transferDelete(r *request) (reply, error) {
	t, err := a.platform.DeleteTransfer(r.Context(), r.actor, r.param("app"), r.param("transfer"))
	return ok(transfer(t)), err
}

func (a *API) transferCancel(r *request) (reply, error) {
	t, err := a.platform.CancelTransfer(r.Context(), r.actor, r.param("app"), r.param("transfer"))
	return ok(transfer(t)), err
}

// transferURL makes an address of a backup that works without credentials, for an hour.
func (a *API) transferURL(r *request) (reply, error) {
	t, err := a.platform.Transfer(r.Context(), r.actor, r.param("app"), r.param("transfer"))
	if err != nil {
		return reply{}, err
	}
	if !t.Kept() {
		return reply{}, cloister.Errorf(cloister.Invalid, "There is no file of this transfer: it is no backup, or did not end well.")
	}
	now := time.Now()
	base := "https://" + r.Host // the official CLI fetches it by nothing else
	return created(heroku.PublicURL{URL: base + backupPath + a.backups.issue(t, backupLife, now).Reveal(), ExpiresAt: heroku.At(now.Add(backupLife))}), nil
}

func (a *API) capture(r *request) (reply, error) {
	t, err := a.platform.Capture(r.Context(), r.actor, r.param("addon"))
	return created(transfer(t)), err
}

// restore restores what is at an address; one of ours is known by its ticket, and does not take the way over the network.
func (a *API) restore(r *request) (reply, error) {
	in, err := decode[heroku.RestoreOpts](r)
	if err != nil {
		return reply{}, err
	}
	source := cloister.Secret(strings.TrimPrefix(in.BackupURL, backupName))
	if u, err := url.Parse(in.BackupURL); err == nil && strings.HasPrefix(u.Path, backupPath) {
		if t, ok := a.backups.find(strings.TrimPrefix(u.Path, backupPath), time.Now()); ok {
			source = cloister.Secret(t.ID)
		}
	}
	t, err := a.platform.RestoreFrom(r.Context(), r.actor, r.param("addon"), source)
	return created(transfer(t)), err
}

func (a *API) databaseCopy(r *request) (reply, error) {
	in, err := decode[heroku.CopyOpts](r)
	if err != nil {
		return reply{}, err
	}
	t, err := a.platform.CopyFrom(r.Context(), r.actor, r.param("addon"), cloister.Secret(in.FromURL))
	return created(transfer(t)), err
}

// backupFile serves a backup to whoever has its address.
func (a *API) backupFile(w http.ResponseWriter, r *http.Request) {
	t, ok := a.backups.find(chi.URLParam(r, "ticket"), time.Now())
	if !ok || a.beside.Backups == nil {
		a.fail(w, r, &cloister.Error{Kind: cloister.NotFound, Resource: "backup", Message: "This address of a backup is none, or is over. Ask for another one with `pg:backups:url`."})
		return
	}
	f, size, err := a.beside.Backups.Open(t.ID)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	defer f.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", fmt.Sprint(size))
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="b%03d.dump"`, t.Num))
	if _, err := io.Copy(w, f); err != nil && r.Context().Err() == nil {
		a.log.Error("a backup was not sent to its end", "err", err)
		panic(http.ErrAbortHandler) // so that it looks like half of one
	}
}

func transfer(t cloister.Transfer) heroku.Transfer {
	out := heroku.Transfer{UUID: t.ID, Num: t.Num, FromType: "pg_dump", ToType: "gof3r", FromName: t.FromName, ToName: t.ToName, Options: map[string]string{},
		ProcessedBytes: t.Bytes, SourceBytes: t.Bytes, CreatedAt: heroku.At(t.CreatedAt), UpdatedAt: heroku.At(t.UpdatedAt),
		Logs: each(t.Logs, func(l cloister.TransferLine) heroku.TransferLine {
			return heroku.TransferLine{CreatedAt: heroku.At(l.At), Message: l.Text}
		})}
	switch t.Kind {
	case cloister.RestoreTransfer:
		out.FromType, out.ToType = "gof3r", "pg_restore"
	case cloister.CopyTransfer:
		out.ToType = "pg_restore"
	}
	if t.Kept() {
		out.ToURL = heroku.Pointer(backupName + t.ID)
	}
	if !t.StartedAt.IsZero() {
		out.StartedAt = heroku.Pointer(heroku.At(t.StartedAt))
	}
	if t.Over() {
		out.FinishedAt, out.Succeeded = heroku.Pointer(heroku.At(t.FinishedAt)), &t.Succeeded
		if t.Canceled && !t.Succeeded {
			out.CanceledAt = out.FinishedAt
		}
	}
	return out
}
