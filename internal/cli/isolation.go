package cli

import (
	"context"
	"errors"
	"time"
)

// An Attack is one thing that was tried against the isolation of spaces.
type Attack struct {
	ID       string        `json:"id"`
	Name     string        `json:"name"`
	Expected string        `json:"expected"`
	Seen     string        `json:"seen"`
	Result   string        `json:"result"` // "held", "through", "not run", or "broken": it proves nothing
	Took     time.Duration `json:"took_ns"`
}

// The statuses of `doctor isolation`.
const (
	gotThrough = exitStatus(1)
	notProven  = exitStatus(2)
)

// isolation attacks throw-away spaces on this machine. It ends with status 1 if an attack got through, and with 2 if
// one could not be tried as it should.
func (c *doctor) isolation(ctx context.Context, s *Session) error {
	if s.isolation == nil {
		s.Term.Error("Spaces are attacked on the machine that the server runs on.")
		return notProven
	}
	all := []Attack{}
	counts := map[string]int{}
	err := s.isolation(ctx, c.Attacks, func(a Attack) {
		all = append(all, a)
		counts[a.Result]++
		if !c.JSON {
			s.showAttack(a)
		}
	})
	if c.JSON {
		err = errors.Join(err, s.Term.JSON(all))
	}
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		s.Term.Error("%v", err)
	}
	switch {
	case counts["through"] == 1:
		s.Term.Error("1 attack got through.")
		return gotThrough
	case counts["through"] > 1:
		s.Term.Error("%d attacks got through.", counts["through"])
		return gotThrough
	case err != nil || counts["broken"] > 0 || len(all) == 0:
		s.Term.Error("The attacks prove nothing: not all of them could be tried as they should.")
		return notProven
	}
	if !c.JSON {
		s.Term.Line("%d attacks, and none got through.", counts["held"])
	}
	return nil
}

// showAttack prints a line of the table: attack, expected, seen, and how long it took.
func (s *Session) showAttack(a Attack) {
	mark, seen := s.Term.Green("ok"), a.Seen
	switch a.Result {
	case "through":
		mark, seen = s.Term.Red("!!"), "GOT THROUGH"
	case "broken":
		mark, seen = s.Term.Red("??"), "not proven"
	case "not run":
		mark, seen = s.Term.Yellow("--"), "not run"
	}
	s.Term.Line("%s  %-4s %-60s %-16s %5.1f s  %s", mark, a.ID, a.Name, a.Expected, a.Took.Seconds(), seen)
	if seen != a.Seen {
		s.Term.Line("         %s", s.Term.Yellow("→ "+a.Seen))
	}
}
