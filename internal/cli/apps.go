package cli

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type appsList struct {
	Space    string `short:"s" placeholder:"NAME" help:"Only the apps of this space."`
	Team     string `short:"t" placeholder:"NAME" help:"Only the apps of this team."`
	All      bool   `short:"A" help:"The apps of all teams."`
	Internal bool   `short:"i" name:"internal-routing" help:"Only apps that answer inside their space alone."`
	JSON     bool   `short:"j" help:"Print JSON."`
}

// Run lists apps by name.
func (c *appsList) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	team := s.team(c.Team)
	if c.Space != "" {
		sp, err := h.Space(ctx, c.Space)
		if err != nil {
			return err
		}
		team = sp.Team.Name
	}
	var apps []heroku.App
	if team != "" && !c.All || c.Space != "" {
		apps, err = h.TeamApps(ctx, team)
	} else {
		apps, err = h.Apps(ctx)
	}
	if err != nil {
		return err
	}
	apps = slices.DeleteFunc(apps, func(a heroku.App) bool {
		return c.Space != "" && (a.Space == nil || a.Space.Name != c.Space && a.Space.ID != c.Space) || c.Internal && !a.InternalRouting
	})
	slices.SortFunc(apps, func(a, b heroku.App) int { return cmp.Compare(a.Name, b.Name) })
	if c.JSON {
		return s.Term.JSON(heroku.List[heroku.App](apps))
	}
	where := ""
	switch {
	case c.Space != "":
		where = " in space " + c.Space
	case team != "" && !c.All:
		where = " in team " + team
	}
	if len(apps) == 0 {
		if where == "" {
			s.Term.Line("You have no apps.")
			return nil
		}
		s.Term.Line("There are no apps%s.", where)
		return nil
	}
	s.Term.Header("Apps%s", where)
	for _, a := range apps {
		s.Term.Line("%s", s.Term.Cyan(a.Name)+annotation(a))
	}
	return nil
}

// annotation says what is special about an app: " [internal/locked]".
func annotation(a heroku.App) string {
	var words []string
	if a.InternalRouting {
		words = append(words, "internal")
	}
	if a.Locked {
		words = append(words, "locked")
	}
	if words == nil {
		return ""
	}
	return " [" + strings.Join(words, "/") + "]"
}

type appsCreate struct {
	Name      string `arg:"" optional:"" name:"app" help:"The app's name; without one, the server chooses."`
	App       string `short:"a" hidden:""`
	Space     string `placeholder:"NAME" help:"The space to create the app in."`
	Team      string `short:"t" placeholder:"NAME" help:"The team that will own the app."`
	Region    string `placeholder:"NAME" help:"Where, outside a space."`
	Stack     string `short:"s" placeholder:"NAME" help:"The stack to build on."`
	Buildpack string `short:"b" placeholder:"BUILDPACK" help:"The buildpack to use: a name or a URL."`
	Internal  bool   `name:"internal-routing" help:"Answer inside the space alone."`
	Remote    string `short:"r" default:"heroku" placeholder:"NAME" help:"The git remote to make (${default})."`
	NoRemote  bool   `short:"n" help:"Make no git remote."`
	JSON      bool   `help:"Print JSON."`
}

// Run creates an app and, inside a git repository, a remote to push it to.
func (c *appsCreate) Run(ctx context.Context, s *Session) error {
	if c.Internal && c.Space == "" {
		return complain("Space name required.\nApps with internal routing live in Private Spaces.\nUSAGE: cloister apps:create --space my-space --internal-routing")
	}
	h, err := s.Client()
	if err != nil {
		return err
	}
	name := first(c.App, c.Name, s.getenv("HEROKU_APP"))
	title := "Creating " + first(name, "app")
	if c.Space != "" {
		title += " in space " + c.Space
	}
	team := c.Team
	if c.Space == "" {
		team = s.team(c.Team)
	}
	var app heroku.App
	err = s.during(title, func() (more string, err error) {
		app, err = h.CreateApp(ctx, heroku.AppCreateOpts{Name: name, Space: heroku.Ref(c.Space), Team: heroku.Ref(team),
			Region: heroku.Ref(c.Region), Stack: heroku.Ref(c.Stack), InternalRouting: c.Internal})
		var said []string
		if name == "" {
			said = append(said, app.Name)
		}
		if c.Region != "" {
			said = append(said, "region is "+app.Region.Name)
		}
		if c.Stack != "" {
			said = append(said, "stack is "+app.BuildStack.Name)
		}
		return strings.Join(said, ", "), err
	})
	if err != nil {
		return err
	}
	if c.Buildpack != "" {
		err := s.during("Setting buildpack to "+c.Buildpack, func() (string, error) {
			_, err := h.SetBuildpacks(ctx, app.Name, []string{c.Buildpack})
			return "", err
		})
		if err != nil {
			return err
		}
	}
	if !c.NoRemote && s.inRepository(ctx) {
		if err := s.addRemote(ctx, c.Remote, app.GitURL); err != nil {
			return err
		}
	}
	if c.JSON {
		return s.Term.JSON(app)
	}
	s.Term.Line("%s | %s", s.Term.Cyan(text(app.WebURL)), app.GitURL)
	return nil
}

// text is what a nullable string says.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
