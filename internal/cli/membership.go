package cli

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type appsLock struct{ appFlag }

// Run hides an app from the members of its team who are not let at it one by one.
func (c *appsLock) Run(ctx context.Context, s *Session) error { return s.lock(ctx, c.appFlag, true) }

type appsUnlock struct{ appFlag }

// Run lets all members of the team see an app again.
func (c *appsUnlock) Run(ctx context.Context, s *Session) error { return s.lock(ctx, c.appFlag, false) }

func (s *Session) lock(ctx context.Context, f appFlag, on bool) error {
	h, name, err := f.target(ctx, s)
	if err != nil {
		return err
	}
	app, err := h.App(ctx, name)
	if err != nil {
		return err
	}
	verb, state := "Unlocking ", "not locked"
	if on {
		verb, state = "Locking ", "already locked"
	}
	if app.Locked == on {
		return complain("%s is %s.", app.Name, state)
	}
	return s.during(verb+app.Name, func() (string, error) {
		_, err := h.UpdateApp(ctx, app.Name, heroku.AppUpdateOpts{Locked: &on})
		return "", err
	})
}

type appsJoin struct{ appFlag }

// Run makes the caller a collaborator of an app that they see.
func (c *appsJoin) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	return s.during("Joining "+name, func() (string, error) {
		me, err := h.Account(ctx)
		if err != nil {
			return "", err
		}
		_, err = h.AddCollaborator(ctx, name, heroku.CollaboratorCreateOpts{User: heroku.Ref(me.Email)})
		return "", err
	})
}

type appsLeave struct{ appFlag }

// Run ends the caller's being a collaborator of an app.
func (c *appsLeave) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	return s.during("Leaving "+name, func() (string, error) {
		me, err := h.Account(ctx)
		if err != nil {
			return "", err
		}
		return "", h.RemoveCollaborator(ctx, name, me.Email)
	})
}

type spacesMembers struct {
	spaceFlag
	JSON bool `help:"Print JSON."`
}

// Run lists who may create apps in a space.
func (c *spacesMembers) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(s)
	if err != nil {
		return err
	}
	ms, err := h.SpaceMembers(ctx, name)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.Term.JSON(heroku.List[heroku.SpaceMember](ms))
	}
	slices.SortFunc(ms, func(a, b heroku.SpaceMember) int { return cmp.Compare(a.User.Email, b.User.Email) })
	var rows [][]string
	for _, m := range ms {
		var may []string
		for _, p := range m.Permissions {
			may = append(may, p.Name)
		}
		rows = append(rows, []string{m.User.Email, strings.Join(may, ", ")})
	}
	s.Term.Table([]string{"Email", "Permissions"}, rows)
	return nil
}

type spacesMembersSet struct {
	Space       string `short:"s" required:"" placeholder:"NAME" help:"The space."`
	Email       string `arg:"" help:"The member's e-mail address."`
	Permissions string `short:"p" required:"" placeholder:"LIST" help:"create_apps, or none."`
}

// Run sets what a member of the space's team may do in a space.
func (c *spacesMembersSet) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	in := heroku.SpaceMemberUpdateOpts{}
	if c.Permissions != "none" {
		for _, p := range strings.FieldsFunc(c.Permissions, func(r rune) bool { return r == ',' || r == ' ' }) {
			in.Permissions = append(in.Permissions, heroku.Ref(p))
		}
	}
	return s.during("Setting permissions of "+c.Email+" in "+c.Space+" to "+c.Permissions, func() (string, error) {
		_, err := h.SetSpaceMember(ctx, c.Space, c.Email, in)
		return "", err
	})
}
