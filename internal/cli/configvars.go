package cli

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/cloister-dev/cloister/internal/cli/term"
	"github.com/cloister-dev/cloister/internal/heroku"
)

type configList struct {
	appFlag
	Shell bool `short:"s" help:"Print NAME=value lines for a shell."`
	JSON  bool `short:"j" help:"Print JSON."`
}

// Run lists config vars by name.
func (c *configList) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	vars, err := h.ConfigVars(ctx, app)
	if err != nil {
		return err
	}
	switch {
	case c.JSON:
		return s.Term.JSON(vars)
	case c.Shell:
		for _, k := range slices.Sorted(maps.Keys(vars)) {
			s.Term.Line("%s=%s", k, quote(vars[k]))
		}
	default:
		s.Term.Header("%s Config Vars", app)
		s.showVars(vars)
	}
	return nil
}

// showVars prints config vars by name, the empty ones too.
func (s *Session) showVars(vars heroku.ConfigVars) {
	var fields []term.Field
	for _, k := range slices.Sorted(maps.Keys(vars)) {
		fields = append(fields, term.Field{Key: k, Values: []string{vars[k]}})
	}
	s.Term.Object(fields...)
}

type configGet struct {
	appFlag
	Keys  []string `arg:"" name:"key" help:"Names of config vars."`
	Shell bool     `short:"s" help:"Print NAME=value lines for a shell."`
	JSON  bool     `short:"j" help:"Print JSON."`
}

// Run prints values, one a line; that of a missing config var is empty.
func (c *configGet) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	vars, err := h.ConfigVars(ctx, app)
	if err != nil {
		return err
	}
	type pair struct {
		Key   string  `json:"key"`
		Value *string `json:"value"`
	}
	var pairs []pair
	for _, k := range c.Keys {
		p := pair{Key: k}
		if v, ok := vars[k]; ok {
			p.Value = &v
		}
		pairs = append(pairs, p)
	}
	if c.JSON {
		if len(pairs) == 1 {
			return s.Term.JSON(pairs[0])
		}
		return s.Term.JSON(pairs)
	}
	for _, p := range pairs {
		if c.Shell {
			s.Term.Line("%s=%s", p.Key, quote(text(p.Value)))
		} else {
			s.Term.Line("%s", text(p.Value))
		}
	}
	return nil
}

type configSet struct {
	appFlag
	Vars []string `arg:"" name:"key=value" help:"Config vars to set."`
}

// Run sets config vars, names the release that has them, and prints those that were set.
func (c *configSet) Run(ctx context.Context, s *Session) error {
	in, names, err := assignments(c.Vars)
	if err != nil {
		return err
	}
	vars, err := s.changeVars(ctx, c.appFlag, "Setting", names, in)
	if err != nil {
		return err
	}
	maps.DeleteFunc(vars, func(k, _ string) bool { _, set := in[k]; return !set })
	s.showVars(vars)
	return nil
}

type configUnset struct {
	appFlag
	Keys []string `arg:"" name:"key" help:"Names of config vars."`
}

// Run removes config vars and names the release that is without them.
func (c *configUnset) Run(ctx context.Context, s *Session) error {
	_, err := s.changeVars(ctx, c.appFlag, "Unsetting", c.Keys, removals(c.Keys))
	return err
}

// assignments reads KEY=value arguments as a change, and gives the keys in their order.
func assignments(args []string) (heroku.ConfigVarUpdateOpts, []string, error) {
	in, names := heroku.ConfigVarUpdateOpts{}, []string{}
	for _, arg := range args {
		k, v, ok := strings.Cut(arg, "=")
		if !ok {
			return nil, nil, complain("%s is invalid. Must be in the format FOO=bar.", arg)
		}
		in[k] = &v
		names = append(names, k)
	}
	return in, names, nil
}

// removals is the change that removes config vars.
func removals(keys []string) heroku.ConfigVarUpdateOpts {
	in := heroku.ConfigVarUpdateOpts{}
	for _, k := range keys {
		in[k] = nil
	}
	return in
}

func (s *Session) changeVars(ctx context.Context, f appFlag, verb string, names []string, in heroku.ConfigVarUpdateOpts) (vars heroku.ConfigVars, err error) {
	h, app, err := f.target(ctx, s)
	if err != nil {
		return nil, err
	}
	err = s.during(verb+" "+strings.Join(names, ", ")+" and restarting "+app, func() (string, error) {
		if vars, err = h.UpdateConfigVars(ctx, app, in); err != nil {
			return "", err
		}
		return newest(ctx, h, app)
	})
	return vars, err
}

// newest names the newest release of an app: "v3".
func newest(ctx context.Context, h *heroku.Client, app string) (string, error) {
	rs, err := h.Releases(ctx, app, heroku.Latest("version", 1))
	if err != nil || len(rs) == 0 {
		return "", err
	}
	return "v" + strconv.Itoa(rs[0].Version), nil
}

// quote writes a value so that a shell reads it as it was.
func quote(v string) string {
	switch {
	case !strings.ContainsAny(v, "\"'`$\\ \t\r\n#!&()*,:;<=>?@[]^{|}~"):
		return v
	case !strings.ContainsAny(v, "'\n"):
		return "'" + v + "'"
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`", "!", `\!`, "\n", `\n`).Replace(v) + `"`
}

// sorted are the config vars by name.
func sorted(vars heroku.ConfigVars) [][2]string {
	var kvs [][2]string
	for _, k := range slices.Sorted(maps.Keys(vars)) {
		kvs = append(kvs, [2]string{k, vars[k]})
	}
	return kvs
}
