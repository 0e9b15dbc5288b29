package cli

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type psScale struct {
	appFlag
	Changes []string `arg:"" optional:"" name:"type=quantity" help:"web=2, worker+1, web=2:Private-M; without any, the formation is shown."`
}

var scaleArg = regexp.MustCompile(`^([\w-]+?)([=+-]\d+)(?::([\w-]+))?$`)

// Run scales an app, or shows its formation in a form that ps:scale takes.
func (c *psScale) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	var in heroku.FormationBatchOpts
	for _, arg := range c.Changes {
		m := scaleArg.FindStringSubmatch(arg)
		if m == nil {
			return complain("%s is invalid. Write web=2 to have two dynos, web+1 to have one more, web=2:Private-M to change their size too.", arg)
		}
		q, err := heroku.ParseQuantity(strings.TrimPrefix(m[2], "="))
		if err != nil {
			return err
		}
		in.Updates = append(in.Updates, heroku.FormationUpdate{Type: m[1], Quantity: &q, Size: heroku.Ref(m[3])})
	}
	if len(in.Updates) == 0 {
		f, err := h.Formation(ctx, name)
		if err != nil {
			return err
		}
		if len(f) == 0 {
			return noTypes(name)
		}
		var words []string
		for _, p := range f {
			words = append(words, fmt.Sprintf("%s=%d:%s", p.Type, p.Quantity, p.Size))
		}
		slices.Sort(words)
		s.Term.Line("%s", strings.Join(words, " "))
		return nil
	}
	return s.during("Scaling dynos", func() (string, error) {
		f, err := h.UpdateFormation(ctx, name, in)
		if err != nil {
			return "", err
		}
		var words []string
		for _, p := range f {
			if slices.ContainsFunc(in.Updates, func(u heroku.FormationUpdate) bool { return u.Type == p.Type }) {
				words = append(words, fmt.Sprintf("%s at %d:%s", p.Type, p.Quantity, p.Size))
			}
		}
		return "now running " + strings.Join(words, ", "), nil
	})
}

type psType struct {
	appFlag
	Changes []string `arg:"" optional:"" name:"type=size" help:"web=Private-M, or a size for all; without any, the sizes are shown."`
}

var typeArg = regexp.MustCompile(`^([\w-]+)=([\w-]+)$`)

// Run sets the sizes of dynos, and shows them.
func (c *psType) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	f, err := h.Formation(ctx, name)
	if err != nil {
		return err
	}
	if len(f) == 0 {
		return noTypes(name)
	}
	if len(c.Changes) > 0 {
		in, err := resizes(c.Changes, f)
		if err != nil {
			return err
		}
		err = s.during("Scaling dynos on "+name, func() (_ string, err error) {
			_, err = h.UpdateFormation(ctx, name, in)
			return "", err
		})
		if err != nil {
			return err
		}
		if f, err = h.Formation(ctx, name); err != nil {
			return err
		}
	}
	slices.SortFunc(f, func(a, b heroku.Formation) int { return cmp.Compare(a.Type, b.Type) })
	var types, totals [][]string
	sum := map[string]int{}
	for _, p := range f {
		types = append(types, []string{p.Type, p.Size, strconv.Itoa(p.Quantity)})
		sum[p.Size] += p.Quantity
	}
	for _, p := range f {
		if n, ok := sum[p.Size]; ok {
			totals = append(totals, []string{p.Size, strconv.Itoa(n)})
			delete(sum, p.Size)
		}
	}
	s.Term.Header("Process Types")
	s.Term.Table([]string{"Type", "Size", "Qty"}, types)
	s.Term.Line("")
	s.Term.Header("Dyno Totals")
	s.Term.Table([]string{"Type", "Total"}, totals)
	return nil
}

// resizes reads web=Private-M, or a size that all types get.
func resizes(args []string, f []heroku.Formation) (heroku.FormationBatchOpts, error) {
	var in heroku.FormationBatchOpts
	if len(args) == 1 && !strings.Contains(args[0], "=") {
		for _, p := range f {
			in.Updates = append(in.Updates, heroku.FormationUpdate{Type: p.Type, Size: heroku.Ref(args[0])})
		}
		return in, nil
	}
	var types []string
	for _, p := range f {
		types = append(types, p.Type)
	}
	for _, arg := range args {
		m := typeArg.FindStringSubmatch(arg)
		if m == nil || !slices.Contains(types, m[1]) {
			return in, complain("Type %s not found in process formation.\nTypes: %s", arg, strings.Join(types, ", "))
		}
		in.Updates = append(in.Updates, heroku.FormationUpdate{Type: m[1], Size: heroku.Ref(m[2])})
	}
	return in, nil
}

func noTypes(app string) error {
	return complain("No process types on %s.\nUpload a Procfile to add process types.", app)
}
