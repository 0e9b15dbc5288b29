package plan

import (
	"fmt"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// A Session is what is known of the client of an attached one-off dyno. One of an earlier life of ours is not.
type Session struct {
	Known bool
	Here  bool // its client has come
	Up    bool // the command runs, or has run
	Over  bool // the command has ended, or never will begin
	Exit  int
}

// RunState is all that the next step of a one-off dyno is planned from.
type RunState struct {
	Run     cloister.Run
	Seen    *engine.Status // nil: there is no workload
	Session Session        // of an attached one
	Zones   []Zone
}

// A RunPlan is what to do, in this order: write the row if it changed, say Log, Start, Stop, Drop, then Delete the row.
// Every part may be repeated.
type RunPlan struct {
	Run    cloister.Run
	Put    bool
	Log    []Line
	Start  bool
	Stop   *Stop
	Drop   bool
	Delete bool
	Again  time.Duration // look again after this; zero: only when touched
}

const runGlance = 250 * time.Millisecond // somebody waits for this dyno at a terminal

// Run plans the next step of a one-off dyno: it is started once, ends with its command, and is then forgotten.
func Run(s RunState, now time.Time) RunPlan {
	p := &run{RunState: s, r: s.Run, now: now}
	if s.Seen != nil {
		p.r.Address = s.Seen.Address
	}
	zones := newZones(s.Zones)
	switch {
	case p.r.Over():
	case p.r.Attached && s.Session.Over && s.Session.Up:
		if s.Seen != nil && s.Seen.Phase != engine.Exited { // what the command left behind ends too; and then it shows if memory was short
			p.plan.Stop = &Stop{ID: p.r.ID}
			p.again(runGlance)
			break
		}
		p.ended(now, s.Session.Exit)
	case s.Seen != nil && s.Seen.Phase == engine.Exited:
		if p.attached() { // its session will tell how it ended, once all was passed on
			p.again(runGlance)
			break
		}
		p.ended(s.Seen.ExitedAt, s.Seen.ExitStatus)
	case s.Seen == nil && p.r.Address.IsValid(), zones.lost(p.r.Zone) && p.r.Zone != "" && s.Seen != nil:
		p.say(now, "The server of this dyno is gone")
		p.ended(now, 137)
	case p.unwanted():
		p.stop()
	case s.Seen == nil:
		p.start(zones)
	default:
		p.look()
	}
	if p.r.Over() {
		p.forget()
	}
	p.plan.Put = !sameRun(p.r, s.Run)
	p.plan.Run = p.r
	return p.plan
}

// run is a plan in the making.
type run struct {
	RunState
	r    cloister.Run
	now  time.Time
	plan RunPlan
}

// attached reports whether a client is with the command now.
func (p *run) attached() bool {
	return p.r.Attached && p.Session.Known && p.Session.Up && !p.Session.Over
}

// unwanted reports whether the dyno is to be stopped, or is being stopped, and says why in the log.
func (p *run) unwanted() bool {
	if !p.r.StopAt.IsZero() {
		return true
	}
	late := !p.now.Before(p.r.CreatedAt.Add(cloister.AttachWithin))
	switch {
	case p.r.Stopped:
	case !p.now.Before(p.r.ExpiresAt):
		p.say(p.now, fmt.Sprintf("Time to live of %d seconds is over", int(p.r.ExpiresAt.Sub(p.r.CreatedAt).Seconds())))
	case p.r.Attached && p.Session.Over, p.r.Attached && !p.Session.Here && late && p.r.UpAt.IsZero():
		p.say(p.now, "Error R13 (Attach error) -> Failed to attach to process")
	case p.r.Attached && !p.Session.Known && !p.r.UpAt.IsZero():
		p.say(p.now, "Client connection lost in a restart of the platform")
	default:
		return false
	}
	return true
}

// stop ends the dyno: SIGTERM and a grace where a command may run, else at once.
func (p *run) stop() {
	if p.Seen == nil {
		p.ended(p.now, 143)
		return
	}
	grace, signal := Grace, "SIGTERM"
	if p.r.Attached && !p.attached() {
		grace, signal = 0, "SIGKILL" // nothing runs in it
	}
	if p.r.StopAt.IsZero() {
		p.r.StopAt = p.now
		p.say(p.now, "Stopping all processes with "+signal)
	}
	p.plan.Stop = &Stop{ID: p.r.ID, Grace: max(0, p.r.StopAt.Add(grace).Sub(p.now))}
	p.again(glance)
}

// start has the workload started, in a zone that is healthy.
func (p *run) start(z zones) {
	if !z.any() {
		p.again(nowhere)
		return
	}
	if p.r.Zone == "" {
		p.say(p.now, "Starting process with command `"+p.r.Command+"`")
	}
	if p.r.Zone == "" || z.gone[p.r.Zone] {
		p.r.Zone = z.take(p.r.ID, p.r.Type)
	}
	p.plan.Start = true
	p.again(runGlance)
}

// look sees whether the dyno is up, and when there is something to see next.
func (p *run) look() {
	if p.r.State == cloister.DynoStarting {
		if up := p.Seen.Phase == engine.Running && (!p.r.Attached || p.Session.Up); up {
			p.up(p.now)
		} else {
			p.again(runGlance)
		}
	}
	p.again(p.r.ExpiresAt.Sub(p.now))
}

func (p *run) up(at time.Time) {
	p.r.State, p.r.UpAt = cloister.DynoUp, at
	p.say(at, "State changed from starting to up")
}

// ended notes the end of the command, which may have been too short to be seen before.
func (p *run) ended(at time.Time, status int) {
	if ran := p.Seen != nil && !p.Seen.StartedAt.IsZero() && (!p.r.Attached || p.Session.Up); ran && p.r.State == cloister.DynoStarting {
		p.up(p.Seen.StartedAt)
	}
	p.r.EndedAt, p.r.Exit = at, status
	if p.Seen != nil {
		for _, line := range outOfMemory(p.r.Size, *p.Seen) {
			p.say(at, line)
		}
	}
	if killed := p.r.StopAt.Add(Grace); status == 137 && !p.r.StopAt.IsZero() && !at.Before(killed) {
		p.say(killed, "Error R12 (Exit timeout) -> At least one process failed to exit within 30 seconds of SIGTERM")
		p.say(killed, "Stopping remaining processes with SIGKILL")
	}
	p.say(at, fmt.Sprintf("Process exited with status %d", status))
	p.say(at, fmt.Sprintf("State changed from %s to complete", p.r.State))
	p.r.State = cloister.DynoDown
}

// forget drops the workload and the row, when the last words of the command are in the log.
func (p *run) forget() {
	if left := p.r.EndedAt.Add(linger).Sub(p.now); p.Seen != nil && !p.r.Attached && left > 0 {
		p.again(left)
		return
	}
	p.plan.Drop, p.plan.Delete = p.Seen != nil, true
}

func (p *run) say(at time.Time, text string) {
	p.plan.Log = append(p.plan.Log, Line{At: at, Proc: p.r.Name(), Text: text})
}

func (p *run) again(d time.Duration) {
	d = max(d, time.Millisecond)
	if p.plan.Again == 0 || d < p.plan.Again {
		p.plan.Again = d
	}
}

// sameRun reports whether the status of a row is what it was.
func sameRun(a, b cloister.Run) bool { return a.Dyno == b.Dyno }
