package platform

import (
	"context"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// A RunSpec is what is asked for when a one-off dyno is run.
type RunSpec struct {
	Command    string // its first word may be the name of a process type, which stands for what that runs
	Dial       string // inside a dyno alone, in place of Command: "host:port" to connect to from there
	Env        map[string]cloister.Secret
	Size       string // "" is the size of the process type, or else the space's default
	Type       string // "" is "run"
	Attach     bool
	NoTTY      bool
	TimeToLive int // seconds; 0 is the longest there is
}

// Run makes a one-off dyno of an app's current release. With Attach its terminal is what to offer to its client.
func (p *Platform) Run(ctx context.Context, a cloister.Actor, ref string, in RunSpec) (app AppInfo, r cloister.Run, t cloister.Terminal, err error) {
	if in.Type == "" {
		in.Type = cloister.RunType
	}
	if err := validRun(in); err != nil {
		return app, r, t, err
	}
	env, columns, lines := window(in)
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, deployApp); err != nil {
			return err
		}
		r, err = p.run(tx, app, in, env)
		return err
	})
	if err != nil {
		return app, r, t, err
	}
	p.config.Log(app.ID, "Starting process with command `"+r.Command+"` by user "+a.User.Email)
	t = cloister.Terminal{ID: r.ID, Dyno: r.Dyno, Command: r.Command, TTY: columns > 0, Columns: columns, Lines: lines}
	return app, r, t, nil
}

// run makes a one-off dyno of an app's current release.
func (p *Platform) run(tx *store.Tx, app AppInfo, in RunSpec, env map[string]cloister.Secret) (r cloister.Run, err error) {
	release, slug, err := p.running(tx, app)
	if err != nil {
		return r, err
	}
	size, err := p.runSize(tx, app, in)
	if err != nil {
		return r, err
	}
	if err := tx.AllowRun(app.Space, size); err != nil {
		return r, err
	}
	runs, err := tx.Runs(app.ID)
	if err != nil {
		return r, err
	}
	ttl := cloister.MaxTimeToLive
	if in.TimeToLive > 0 {
		ttl = time.Duration(in.TimeToLive) * time.Second
	}
	r = cloister.Run{Dyno: cloister.Dyno{ID: cloister.NewID(), AppID: app.ID, SpaceID: app.SpaceID, Type: in.Type, Number: cloister.RunNumber(runs, in.Type),
		ReleaseID: release.ID, Version: release.Version, Size: size, Command: cloister.ExpandCommand(in.Command, slug.ProcessTypes),
		State: cloister.DynoStarting, CreatedAt: tx.Now, UpdatedAt: tx.Now}, Attached: in.Attach, Env: env, ExpiresAt: tx.Now.Add(ttl)}
	if err := tx.InsertRun(r); err != nil {
		return r, err
	}
	// Neither the command nor the variables: both may hold secrets.
	if err := tx.Event("dyno", r.ID, "run", app.Name+" "+r.Name()); err != nil {
		return r, err
	}
	return r, tx.Touch("run", r.ID)
}

// Enter finds a dyno that runs, for somebody who may go inside.
func (p *Platform) Enter(ctx context.Context, a cloister.Actor, ref, dyno string) (app AppInfo, d cloister.Dyno, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		app, d, err = p.enter(tx, a, ref, dyno)
		return err
	})
	return app, d, err
}

func (p *Platform) enter(tx *store.Tx, a cloister.Actor, ref, dyno string) (app AppInfo, d cloister.Dyno, err error) {
	if app, err = p.app(tx, a, ref, deployApp); err != nil {
		return app, d, err
	}
	if !app.Has(cloister.RuntimeExec, false) {
		return app, d, cloister.Errorf(cloister.Invalid, "Nobody may go into the dynos of %s. Its owner can let people in: `features:enable %s`.", app.Name, cloister.RuntimeExec)
	}
	all, err := allDynos(tx, app.ID)
	if err != nil {
		return app, d, err
	}
	if d, err = findDyno(all, dyno); err == nil && d.State != cloister.DynoUp {
		err = cloister.Errorf(cloister.Invalid, "Dyno %s is %s. A command can run inside a dyno that is up.", d.Name(), d.State)
	}
	return app, d, err
}

// RunInside is a terminal for one more command, or connection, inside a dyno that runs.
func (p *Platform) RunInside(ctx context.Context, a cloister.Actor, ref, dyno string, in RunSpec) (app AppInfo, t cloister.Terminal, err error) {
	if err := validRun(in); err != nil {
		return app, t, err
	}
	env, columns, lines := window(in)
	err = p.update(ctx, a, func(tx *store.Tx) error {
		var d cloister.Dyno
		if app, d, err = p.enter(tx, a, ref, dyno); err != nil {
			return err
		}
		if in.Dial != "" {
			t = cloister.Terminal{ID: cloister.NewID(), Dyno: d, Inside: true, Dial: in.Dial}
			return tx.Event("dyno", d.ID, "connect inside", app.Name+" "+d.Name()+" "+in.Dial)
		}
		release, err := tx.Release(app.ID, d.ReleaseID)
		if err != nil {
			return err
		}
		slug, err := tx.Slug(app.ID, release.SlugID)
		if err != nil {
			return err
		}
		t = cloister.Terminal{ID: cloister.NewID(), Dyno: d, Inside: true, Command: cloister.ExpandCommand(in.Command, slug.ProcessTypes),
			Env: env, TTY: columns > 0, Columns: columns, Lines: lines}
		return tx.Event("dyno", d.ID, "run inside", app.Name+" "+d.Name())
	})
	if err == nil && in.Dial == "" { // a browser behind ps:socks makes many of them
		p.config.Log(app.ID, "Starting process with command `"+t.Command+"` inside "+t.Dyno.Name()+" by user "+a.User.Email)
	}
	return app, t, err
}

// TerminalsOf checks that the actor may use the terminals of an app's dynos, and returns the app.
func (p *Platform) TerminalsOf(ctx context.Context, a cloister.Actor, ref string) (app AppInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		app, err = p.app(tx, a, ref, deployApp)
		return err
	})
	return app, err
}

func validRun(in RunSpec) error {
	if in.Dial != "" {
		return validDial(in.Dial)
	}
	if err := cloister.ValidCommand(in.Command); err != nil {
		return err
	}
	if err := cloister.ValidConfig(in.Env); err != nil {
		return err
	}
	if in.TimeToLive < 0 || in.TimeToLive > int(cloister.MaxTimeToLive.Seconds()) {
		return cloister.Errorf(cloister.Invalid, "Time to live must be 1 to %d seconds.", int(cloister.MaxTimeToLive.Seconds()))
	}
	if in.Type == cloister.ReleaseType {
		return cloister.Errorf(cloister.Invalid, "Process type %s is the release phase's own. Choose another type.", in.Type)
	}
	if in.Type == "" {
		return nil
	}
	return cloister.ValidProcessType(in.Type)
}

// validDial reports why an address is none to connect to, or nil. Where it may lead is for the dyno's network to say.
func validDial(address string) error {
	host, port, err := net.SplitHostPort(address)
	n, bad := strconv.Atoi(port)
	if err != nil || bad != nil || n < 1 || n > 65535 || len(host) > 253 || strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return cloister.Errorf(cloister.Invalid, "%.300q is no address. Use host:port.", address)
	}
	return nil
}

// window takes the size of the client's terminal out of the environment, where it would go stale as soon as the window
// changes. A client that tells no size has no terminal.
func window(in RunSpec) (env map[string]cloister.Secret, columns, lines int) {
	columns, _ = strconv.Atoi(in.Env["COLUMNS"].Reveal())
	lines, _ = strconv.Atoi(in.Env["LINES"].Reveal())
	if in.NoTTY || columns <= 0 || columns > cloister.MaxWindow || lines < 0 || lines > cloister.MaxWindow {
		return in.Env, 0, 0
	}
	env = map[string]cloister.Secret{}
	for k, v := range in.Env {
		if k != "COLUMNS" && k != "LINES" {
			env[k] = v
		}
	}
	if lines == 0 {
		lines = 24
	}
	return env, columns, lines
}

// running is the current release of an app and its code.
func (p *Platform) running(tx *store.Tx, app AppInfo) (r cloister.Release, s cloister.Slug, err error) {
	if r, err = tx.CurrentRelease(app.ID); err != nil {
		return r, s, err
	}
	if r.SlugID == "" {
		return r, s, cloister.Errorf(cloister.Invalid, "App %s has no code to run yet. Deploy it first with `git push`.", app.Name)
	}
	s, err = tx.Slug(app.ID, r.SlugID)
	return r, s, err
}

// runSize is the size that was asked for, or that the process type has, or the space's default.
func (p *Platform) runSize(tx *store.Tx, app AppInfo, in RunSpec) (string, error) {
	if in.Size != "" {
		return ownSize(app, in.Size)
	}
	types, err := tx.Formation(app.ID)
	if err != nil {
		return "", err
	}
	if t := find(types, in.Type); t != nil {
		return t.Size, nil
	}
	return cloister.DefaultSize(app.Space.Shield), nil
}

// ownSize is the size of a dyno that somebody has chosen for themselves.
func ownSize(app AppInfo, name string) (string, error) {
	size, err := cloister.SizeByName(name)
	if err == nil && size.Shield != app.Space.Shield {
		err = cloister.Errorf(cloister.Invalid, "Dyno size %s does not fit this space: shield sizes are for Shield spaces only.", size.Name)
	}
	return size.Name, err
}

// stopRuns stops the one-off dynos of an app that target names: one by its name or id, or all of a type. It returns how
// many there were.
func stopRuns(tx *store.Tx, appID, target string) (n int, err error) {
	runs, err := tx.Runs(appID)
	if err != nil {
		return 0, err
	}
	for _, r := range runs {
		if r.Over() || r.Name() != target && r.ID != target && r.Type != target {
			continue
		}
		if err := tx.StopRun(r.ID); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// findDyno finds a dyno by name or id.
func findDyno(all []cloister.Dyno, ref string) (cloister.Dyno, error) {
	for _, d := range all {
		if d.Name() == ref || d.ID == ref {
			return d, nil
		}
	}
	return cloister.Dyno{}, cloister.Missing("dyno")
}

// allDynos are the dynos of an app that run or should run, one-off dynos last.
func allDynos(tx *store.Tx, appID string) ([]cloister.Dyno, error) {
	dynos, err := tx.Dynos(appID)
	if err != nil {
		return nil, err
	}
	out := wanted(dynos)
	runs, err := tx.Runs(appID)
	for _, r := range runs {
		if !r.Over() {
			out = append(out, r.Dyno)
		}
	}
	return out, err
}
