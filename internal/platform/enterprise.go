package platform

import (
	"context"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// An Enterprise is the enterprise account that an installation is: its teams are the account's, and its operators are the
// account's members, with all permissions.
type Enterprise struct {
	ID, Name  string
	Member    bool // the actor is one
	CreatedAt time.Time
}

const (
	enterpriseName    = "enterprise_name"
	enterpriseDefault = "cloister"
)

// enterprise reads the account. It began with the first user.
func (p *Platform) enterprise(tx *store.Tx, a cloister.Actor) (e Enterprise, err error) {
	e = Enterprise{ID: cloister.NameID("enterprise-account", enterpriseDefault), Name: enterpriseDefault, Member: a.User.Operator}
	name, err := tx.Setting(enterpriseName)
	if err != nil {
		return e, err
	}
	if name != "" {
		e.Name = name
	}
	users, err := tx.Users()
	for _, u := range users {
		if e.CreatedAt.IsZero() || u.CreatedAt.Before(e.CreatedAt) {
			e.CreatedAt = u.CreatedAt
		}
	}
	return e, err
}

// Enterprise is the enterprise account. Operators only.
func (p *Platform) Enterprise(ctx context.Context, a cloister.Actor, ref string) (e Enterprise, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		e, err = p.account(tx, a, ref)
		return err
	})
	return e, err
}

// account finds the enterprise account by its id or name, for an operator.
func (p *Platform) account(tx *store.Tx, a cloister.Actor, ref string) (Enterprise, error) {
	if err := p.can(tx, a, administer, object{}); err != nil {
		return Enterprise{}, err
	}
	e, err := p.enterprise(tx, a)
	if err == nil && ref != e.ID && !strings.EqualFold(ref, e.Name) {
		return Enterprise{}, cloister.Missing("enterprise_account")
	}
	return e, err
}

// Enterprises lists the enterprise accounts that the actor is a member of: one, or none.
func (p *Platform) Enterprises(ctx context.Context, a cloister.Actor) (out []Enterprise, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, viewAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		if !a.User.Operator {
			return nil
		}
		e, err := p.enterprise(tx, a)
		out = []Enterprise{e}
		return err
	})
	return out, err
}

// RenameEnterprise gives the enterprise account another name, of the form of a team's. Operators only.
func (p *Platform) RenameEnterprise(ctx context.Context, a cloister.Actor, ref, name string) (e Enterprise, err error) {
	if err := cloister.ValidTeamName(name); err != nil {
		return e, err
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if e, err = p.account(tx, a, ref); err != nil {
			return err
		}
		was := e
		e.Name = name
		if err := tx.SetSetting(enterpriseName, name); err != nil {
			return err
		}
		return tx.Changed("enterprise_account", e.ID, "update", was.Name+" is "+name, was, e)
	})
	return e, err
}

// Operators lists the members of the enterprise account: those who may administer the installation. Operators only.
func (p *Platform) Operators(ctx context.Context, a cloister.Actor, ref string) (e Enterprise, out []cloister.User, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if e, err = p.account(tx, a, ref); err != nil {
			return err
		}
		out, err = operators(tx)
		return err
	})
	return e, out, err
}

func operators(tx *store.Tx) (out []cloister.User, err error) {
	users, err := tx.Users()
	for _, u := range users {
		if u.Operator {
			out = append(out, u)
		}
	}
	return out, err
}

// SetOperator makes a person an operator, or an operator none; there is always one. Operators only.
func (p *Platform) SetOperator(ctx context.Context, a cloister.Actor, ref, user string, on bool) (e Enterprise, u cloister.User, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if e, err = p.account(tx, a, ref); err != nil {
			return err
		}
		if u, err = tx.User(strings.ToLower(user)); err != nil {
			return err
		}
		if !on {
			all, err := operators(tx)
			if err != nil {
				return err
			}
			if u.Operator && len(all) == 1 {
				return cloister.Errorf(cloister.Invalid, "%s is the only operator of this installation. Make somebody else one first.", u.Email)
			}
		}
		was := u
		u.Operator = on
		if err := tx.SetOperator(u.ID, on); err != nil {
			return err
		}
		return tx.Changed("enterprise_account_membership", u.ID, "update", u.Email, was, u)
	})
	return e, u, err
}

// AllTeams lists all teams of the enterprise account. Operators only.
func (p *Platform) AllTeams(ctx context.Context, a cloister.Actor, ref string) (e Enterprise, out []cloister.Team, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if e, err = p.account(tx, a, ref); err != nil {
			return err
		}
		out, err = tx.Teams()
		return err
	})
	return e, out, err
}
