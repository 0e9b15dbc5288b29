package cli

import (
	"context"
	"fmt"
	"maps"
	"os/exec"
	"runtime"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister/internal/cli/term"
	"github.com/cloister-dev/cloister/internal/heroku"
)

type appsInfo struct {
	appFlag
	Name  string `arg:"" optional:"" name:"app" help:"The app."`
	Shell bool   `short:"s" help:"Print name=value lines."`
	JSON  bool   `short:"j" help:"Print JSON."`
}

// info is all that is told of an app, in the form of --json.
type info struct {
	App           heroku.App                       `json:"app"`
	Addons        heroku.List[heroku.Addon]        `json:"addons"`
	Collaborators heroku.List[heroku.Collaborator] `json:"collaborators"`
	Dynos         heroku.List[heroku.Dyno]         `json:"dynos"`
}

// Run shows an app. What the caller may not see of it is left out.
func (c *appsInfo) Run(ctx context.Context, s *Session) error {
	c.App = first(c.Name, c.App)
	h, name, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	var i info
	if i.App, err = h.App(ctx, name); err != nil {
		return err
	}
	// A server may keep some of these from the caller, or not have them: the rest is told all the same.
	for _, read := range []func() error{
		func() (err error) { i.Addons, err = h.AppAddons(ctx, name); return },
		func() (err error) { i.Collaborators, err = h.Collaborators(ctx, name); return },
		func() (err error) { i.Dynos, err = h.Dynos(ctx, name); return },
	} {
		if err := read(); err != nil && heroku.StatusOf(err) == 0 {
			return err
		}
	}
	switch {
	case c.JSON:
		return s.Term.JSON(i)
	case c.Shell:
		for _, f := range i.fields() {
			s.Term.Line("%s=%s", strings.ToLower(strings.ReplaceAll(f.Key, " ", "_")), quote(strings.Join(f.Values, ",")))
		}
		return nil
	}
	s.Term.Header("%s", i.App.Name)
	s.Term.Object(i.fields()...)
	return nil
}

func (i info) fields() []term.Field {
	var addons, collaborators []string
	for _, a := range i.Addons {
		addons = append(addons, a.Plan.Name)
	}
	for _, c := range i.Collaborators {
		if c.User.Email != i.App.Owner.Email {
			collaborators = append(collaborators, c.User.Email)
		}
	}
	slices.Sort(addons)
	slices.Sort(collaborators)
	count := map[string]int{}
	for _, d := range i.Dynos {
		count[d.Type]++
	}
	var dynos []string
	for _, t := range slices.Sorted(maps.Keys(count)) {
		dynos = append(dynos, fmt.Sprintf("%s: %d", t, count[t]))
	}
	a := i.App
	space, stack, internal := "", a.Stack.Name, ""
	if a.Space != nil {
		space = a.Space.Name
	}
	if a.BuildStack.Name != a.Stack.Name {
		stack += " (next build will use " + a.BuildStack.Name + ")"
	}
	if a.InternalRouting {
		internal = "true"
	}
	maintenance := ""
	if a.Maintenance {
		maintenance = "on"
	}
	return []term.Field{term.F("Addons", addons...), term.F("Collaborators", collaborators...), term.F("Dynos", strings.Join(dynos, ", ")),
		term.F("Git URL", a.GitURL), term.F("Internal Routing", internal), term.F("Maintenance", maintenance),
		// A team's apps belong to an account that is made up of the team's name.
		term.F("Owner", strings.TrimSuffix(a.Owner.Email, "@herokumanager.com")),
		term.F("Region", a.Region.Name), term.F("Repo Size", size(a.RepoSize)), term.F("Slug Size", size(a.SlugSize)),
		term.F("Space", space), term.F("Stack", stack), term.F("Web URL", text(a.WebURL))}
}

type appsOpen struct {
	appFlag
	Path string `arg:"" optional:"" help:"A path of the app."`
}

// Run opens the app in a browser, or prints where it is when there is no terminal.
func (c *appsOpen) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	a, err := h.App(ctx, name)
	if err != nil {
		return err
	}
	url := strings.TrimRight(text(a.WebURL), "/") + "/" + strings.TrimLeft(c.Path, "/")
	s.Term.Line("%s", url)
	if term.IsTerminal(s.Term.Out) {
		return browse(ctx, url)
	}
	return nil
}

// browse opens a URL in the system's browser.
func browse(ctx context.Context, url string) error {
	args := []string{"xdg-open", url}
	switch runtime.GOOS {
	case "darwin":
		args = []string{"open", url}
	case "windows":
		args = []string{"rundll32", "url.dll,FileProtocolHandler", url}
	}
	if err := exec.CommandContext(ctx, args[0], args[1:]...).Run(); err != nil {
		return fmt.Errorf("open a browser: %w", err)
	}
	return nil
}
