package cli

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type access struct {
	appFlag
	JSON bool `help:"Print JSON."`
}

// Run lists who may do what with an app.
func (c *access) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	cs, err := h.Collaborators(ctx, app)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.Term.JSON(heroku.List[heroku.Collaborator](cs))
	}
	slices.SortFunc(cs, func(a, b heroku.Collaborator) int { return cmp.Compare(a.User.Email, b.User.Email) })
	var rows [][]string
	for _, co := range cs {
		if strings.HasSuffix(co.User.Email, "@herokumanager.com") { // the team itself
			continue
		}
		var may []string
		for _, p := range co.Permissions {
			may = append(may, p.Name)
		}
		slices.Sort(may)
		rows = append(rows, []string{co.User.Email, first(text(co.Role), "collaborator"), strings.Join(may, ", ")})
	}
	s.Term.Table([]string{"Email", "Role", "Permissions"}, rows)
	return nil
}

type accessAdd struct {
	appFlag
	Email       string `arg:"" help:"The person's e-mail address."`
	Permissions string `short:"p" placeholder:"LIST" help:"Of view, deploy, operate, manage; separated by commas."`
}

// Run lets somebody at an app; to see it is the least they may.
func (c *accessAdd) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	may := permissions(c.Permissions)
	return s.during("Adding "+c.Email+" access to the app "+app+" with "+strings.Join(may, ", ")+" permissions", func() (string, error) {
		_, err := h.AddCollaborator(ctx, app, heroku.CollaboratorCreateOpts{User: heroku.Ref(c.Email), Permissions: may})
		return "", err
	})
}

type accessUpdate struct {
	appFlag
	Email       string `arg:"" help:"The person's e-mail address."`
	Permissions string `short:"p" required:"" placeholder:"LIST" help:"Of view, deploy, operate, manage; separated by commas."`
}

// Run sets what somebody may do with an app.
func (c *accessUpdate) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	may := permissions(c.Permissions)
	return s.during("Updating "+c.Email+" in application "+app+" with "+strings.Join(may, ", ")+" permissions", func() (string, error) {
		_, err := h.UpdateCollaborator(ctx, app, c.Email, heroku.CollaboratorUpdateOpts{Permissions: may})
		return "", err
	})
}

// permissions reads a list. Whoever may do anything may look.
func permissions(list string) []string {
	may := append(strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }), "view")
	slices.Sort(may)
	return slices.Compact(may)
}

type accessRemove struct {
	appFlag
	Email string `arg:"" help:"The person's e-mail address."`
}

// Run keeps somebody from an app.
func (c *accessRemove) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	return s.during("Removing "+c.Email+" access from the app "+app, func() (string, error) {
		return "", h.RemoveCollaborator(ctx, app, c.Email)
	})
}
