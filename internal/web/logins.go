package web

import (
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
)

const (
	loginFor   = 10 * time.Minute    // a program waits for its person, as Heroku's CLI does
	loginLife  = 30 * 24 * time.Hour // of the token that it gets: Heroku's number
	maxLogins  = 1000
	loginsHour = 120 // that one address may begin
	dripEvery  = 10 * time.Second
)

// A login is a program that waits for a person to sign in with a browser. It lives in memory: a program that waits while
// control is restarted begins again.
type login struct {
	id          string
	description string // by which the program calls itself
	from        string // the address that it asks from
	secret      cloister.Secret
	ends        time.Time
	decided     chan struct{} // closed when the person has decided

	token cloister.Secret // "" if they refused
}

// logins are those that are under way.
type logins struct {
	starts *platform.Limiter

	mu  sync.Mutex
	all map[string]*login
}

func newLogins() *logins {
	return &logins{starts: platform.NewLimiter(loginsHour), all: map[string]*login{}}
}

// begin adds a login. Only so many are under way, and one address begins only so many.
func (l *logins) begin(description, from string, now time.Time) (*login, error) {
	if _, ok := l.starts.Take(from, now); !ok {
		return nil, cloister.Errorf(cloister.RateLimit, "Too many attempts to log in. Please wait a minute and try again.")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, x := range l.all {
		if now.After(x.ends) {
			delete(l.all, id)
		}
	}
	if len(l.all) >= maxLogins {
		return nil, cloister.Errorf(cloister.Unavailable, "Too many people are logging in. Try again in a few minutes.")
	}
	x := &login{id: cloister.NewID(), description: cloister.Words(description, 200), from: from, secret: cloister.NewToken(), ends: now.Add(loginFor), decided: make(chan struct{})}
	l.all[x.id] = x
	return x, nil
}

// find finds a login that is not over.
func (l *logins) find(id string, now time.Time) (*login, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	x, ok := l.all[id]
	if !ok || now.After(x.ends) {
		return nil, cloister.Errorf(cloister.NotFound, "This login is over, or never was. Begin it again: `heroku login`.")
	}
	return x, nil
}

// decide ends a login with a token, or without one. Only the first decision counts.
func (l *logins) decide(x *login, token cloister.Secret) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-x.decided:
	default:
		x.token = token
		close(x.decided)
	}
}

// undecided finds a login that nobody has decided yet.
func (l *logins) undecided(id string, now time.Time) (*login, error) {
	x, err := l.find(id, now)
	if err != nil {
		return nil, err
	}
	select {
	case <-x.decided:
		return nil, cloister.Errorf(cloister.NotFound, "This login is over. You can close this page.")
	default:
		return x, nil
	}
}

// startLogin begins a login for a program, which has no token yet.
func (w *Web) startLogin(rw http.ResponseWriter, r *http.Request) {
	var in struct{ Description string }
	json.NewDecoder(http.MaxBytesReader(rw, r.Body, maxForm)).Decode(&in) // a program that says nothing has no name
	x, err := w.logins.begin(in.Description, caller(r), time.Now())
	if err != nil {
		reply(rw, status(err), map[string]string{"id": string(cloister.KindOf(err)), "message": cloister.MessageOf(err)})
		return
	}
	reply(rw, http.StatusCreated, map[string]string{"browser_url": "/auth/browser/" + x.id, "cli_url": "/auth/cli/" + x.id, "token": x.secret.Reveal()})
}

// A question is the page that asks a person whether a program may act for them.
type question struct {
	ID, Description, From, Email string
}

func (w *Web) loginPage(rw http.ResponseWriter, r *http.Request) {
	x, err := w.logins.undecided(r.PathValue("login"), time.Now())
	if err != nil {
		w.problem(rw, err)
		return
	}
	a, ok := w.known(rw, r)
	if !ok {
		return
	}
	w.show(rw, http.StatusOK, "login.html", question{ID: x.id, Description: x.description, From: x.from, Email: a.User.Email})
}

func (w *Web) decideLogin(rw http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(rw, r.Body, maxForm)
	a, ok := w.known(rw, r)
	if !ok {
		return
	}
	x, err := w.logins.undecided(r.PathValue("login"), time.Now())
	if err != nil {
		w.problem(rw, err)
		return
	}
	if r.PostFormValue("decision") != "allow" {
		w.logins.decide(x, "")
		w.say(rw, "Refused", "The program was not let in. You can close this page.")
		return
	}
	_, token, err := w.platform.CreateAuthorization(r.Context(), a, x.description, []string{string(cloister.GlobalScope)}, loginLife)
	if err != nil {
		w.problem(rw, err)
		return
	}
	w.logins.decide(x, token)
	w.say(rw, "Logged in", "You can close this page and go back to the terminal.")
}

// awaitLogin answers a program when its person has decided. Meanwhile it drips spaces, which mean nothing before JSON, since
// clients give up when they hear nothing for a minute.
func (w *Web) awaitLogin(rw http.ResponseWriter, r *http.Request) {
	x, err := w.logins.find(r.PathValue("login"), time.Now())
	if err == nil && subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+x.secret.Reveal())) != 1 {
		err = cloister.Errorf(cloister.Unauthorized, "This is not the program that began the login.")
	}
	if err != nil {
		reply(rw, status(err), map[string]string{"error": cloister.MessageOf(err)})
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	out := http.NewResponseController(rw)
	drip := time.NewTicker(dripEvery)
	defer drip.Stop()
	over := time.NewTimer(time.Until(x.ends))
	defer over.Stop()
	for {
		select {
		case <-x.decided:
			if x.token == "" {
				json.NewEncoder(rw).Encode(map[string]string{"error": "The login was refused in the browser."})
				return
			}
			json.NewEncoder(rw).Encode(map[string]string{"access_token": x.token.Reveal()})
			return
		case <-over.C:
			json.NewEncoder(rw).Encode(map[string]string{"error": "Nobody logged in for ten minutes."})
			return
		case <-r.Context().Done():
			return
		case <-drip.C:
			rw.Write([]byte(" "))
			if out.Flush() != nil {
				return
			}
		}
	}
}

func reply(rw http.ResponseWriter, status int, v any) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	json.NewEncoder(rw).Encode(v)
}
