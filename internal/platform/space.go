package platform

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// A SpaceSpec is what is asked for when a space is made. Only Name and Team are required.
type SpaceSpec struct {
	Name     string
	Team     string // id or name
	Region   string // id or name
	CIDR     string
	DataCIDR string
	Shield   bool

	LogDrainURL string // where the logs of all its apps are sent; "": each to its own drains
}

// CreateSpace makes a space; it is allocating until its network is in force. Team admins only.
func (p *Platform) CreateSpace(ctx context.Context, a cloister.Actor, in SpaceSpec) (s SpaceInfo, err error) {
	if err := cloister.ValidSpaceName(in.Name); err != nil {
		return s, err
	}
	if in.Team == "" {
		return s, cloister.Errorf(cloister.Invalid, "A team is required. Name the team that will own the space.")
	}
	if in.Shield {
		return s, cloister.Errorf(cloister.Unsupported, "Shield Private Spaces are not in this version. Create the space without shield.")
	}
	region, err := p.region(in.Region)
	if err != nil {
		return s, err
	}
	cidr, err := cloister.ParseCIDR(in.CIDR)
	if err != nil {
		return s, err
	}
	data, err := cloister.ParseDataCIDR(in.DataCIDR, cidr)
	if err != nil {
		return s, err
	}
	var drain cloister.Secret
	if in.LogDrainURL != "" {
		if drain, err = cloister.ParseSpaceDrainURL(in.LogDrainURL); err != nil {
			return s, err
		}
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		team, err := p.team(tx, a, in.Team, createSpace)
		if err != nil {
			return err
		}
		outbound, err := p.outbound(tx)
		if err != nil {
			return err
		}
		ingress, err := p.ingress(tx)
		if err != nil {
			return err
		}
		s = SpaceInfo{Team: team, Region: region, Space: cloister.Space{ID: cloister.NewID(), Name: in.Name, TeamID: team.ID,
			Region: region.Name, Shield: in.Shield, CIDR: cidr, DataCIDR: data, Outbound: outbound, Ingress: ingress,
			State: cloister.Allocating, CreatedAt: tx.Now, UpdatedAt: tx.Now}}
		if err := tx.InsertSpace(s.Space); err != nil {
			return taken(err, "Name", in.Name)
		}
		if err := tx.InsertRuleset(cloister.Ruleset{ID: cloister.NewID(), SpaceID: s.ID, Sources: cloister.Everyone(),
			CreatedBy: a.User.Email, CreatedAt: tx.Now}); err != nil {
			return err
		}
		if err := tx.Changed("space", s.ID, "create", s.Name, nil, s.Space); err != nil {
			return err
		}
		if drain != "" {
			if _, err := setSpaceDrain(tx, s.Space, drain); err != nil {
				return err
			}
		}
		return tx.Touch("space", s.ID)
	})
	return s, err
}

// outbound picks the lowest free addresses of the pool.
func (p *Platform) outbound(tx *store.Tx) (out []netip.Addr, err error) {
	pool := p.config.OutboundPool
	if !pool.IsValid() {
		return nil, nil
	}
	used, err := tx.OutboundInUse()
	if err != nil {
		return nil, err
	}
	for addr := pool.Masked().Addr().Next(); pool.Contains(addr) && len(out) < cloister.OutboundCount; addr = addr.Next() {
		if !used[addr] {
			out = append(out, addr)
		}
	}
	if len(out) < cloister.OutboundCount {
		return nil, cloister.Errorf(cloister.Unavailable, "The pool of outbound addresses %s is used up. Destroy a space, or ask the operator to enlarge outbound.pool.", pool)
	}
	return out, nil
}

// Spaces lists the spaces of the actor's teams.
func (p *Platform) Spaces(ctx context.Context, a cloister.Actor) (out []SpaceInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, viewAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		spaces, err := tx.Spaces()
		if err != nil {
			return err
		}
		for _, s := range spaces {
			if s.State == cloister.Deleting || p.can(tx, a, viewSpace, object{resource: "space", team: s.TeamID, space: s.ID}) != nil {
				continue
			}
			info, err := p.spaceInfo(tx, s)
			if err != nil {
				return err
			}
			out = append(out, info)
		}
		return nil
	})
	return out, err
}

// Space finds a space by id or name. One that is being deleted is gone.
func (p *Platform) Space(ctx context.Context, a cloister.Actor, ref string) (s SpaceInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		s, err = p.space(tx, a, ref, viewSpace)
		return err
	})
	return s, err
}

// space finds a space and checks that the actor may do v to it.
func (p *Platform) space(tx *store.Tx, a cloister.Actor, ref string, v verb) (SpaceInfo, error) {
	if err := scope(a, v); err != nil {
		return SpaceInfo{}, err
	}
	s, err := tx.Space(strings.ToLower(ref))
	if err != nil {
		return SpaceInfo{}, err
	}
	if s.State == cloister.Deleting {
		return SpaceInfo{}, cloister.Missing("space")
	}
	if err := p.can(tx, a, v, object{resource: "space", team: s.TeamID, space: s.ID}); err != nil {
		return SpaceInfo{}, err
	}
	return p.spaceInfo(tx, s)
}

func (p *Platform) spaceInfo(tx *store.Tx, s cloister.Space) (SpaceInfo, error) {
	team, err := tx.Team(s.TeamID)
	if err != nil {
		return SpaceInfo{}, err
	}
	region, err := p.region(s.Region)
	if err != nil { // an operator took the region away; the space still has its name
		region = cloister.Region{ID: cloister.NameID("region", s.Region), Name: s.Region, Description: s.Region}
	}
	return SpaceInfo{Space: s, Team: team, Region: region}, nil
}

// RenameSpace gives a space another name. Team admins only.
func (p *Platform) RenameSpace(ctx context.Context, a cloister.Actor, ref, name string) (s SpaceInfo, err error) {
	if err := cloister.ValidSpaceName(name); err != nil {
		return s, err
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if s, err = p.space(tx, a, ref, manageSpace); err != nil {
			return err
		}
		if err := tx.RenameSpace(s.ID, name); err != nil {
			return taken(err, "Name", name)
		}
		was := s.Space
		s.Name, s.UpdatedAt = name, tx.Now
		return tx.Changed("space", s.ID, "update", "renamed to "+name, was, s.Space)
	})
	return s, err
}

// DestroySpace deletes a space, which must be empty, and ends its peerings. Its addresses are free for others
// afterwards. Team admins only; where two must agree, the first who asks is told so (Conflict).
func (p *Platform) DestroySpace(ctx context.Context, a cloister.Actor, ref string) (s SpaceInfo, err error) {
	var waits error
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if s, err = p.space(tx, a, ref, manageSpace); err != nil {
			return err
		}
		apps, err := tx.Apps(store.AppFilter{Space: s.ID})
		if err != nil {
			return err
		}
		if len(apps) > 0 {
			var names []string
			for _, app := range apps {
				names = append(names, app.Name)
			}
			return cloister.Errorf(cloister.Invalid, "Space %s still has apps: %s. Destroy them first.", s.Name, strings.Join(names, ", "))
		}
		if waits = nil; p.config.TwoPeople {
			if waits, err = p.agreed(tx, a, s); err != nil || waits != nil {
				return err
			}
		}
		if err := tx.SetSpaceState(s.ID, cloister.Deleting); err != nil {
			return err
		}
		s.State, s.UpdatedAt = cloister.Deleting, tx.Now
		if err := endPeerings(tx, s.ID); err != nil {
			return err
		}
		if err := tx.HideSpace(s.ID); err != nil {
			return err
		}
		if err := tx.Changed("space", s.ID, "destroy", s.Name, s.Space, nil); err != nil {
			return err
		}
		return tx.Touch("space", s.ID)
	})
	if err == nil {
		err = waits
	}
	return s, err
}

// agreed finds out whether another administrator of the team has asked for a space to be destroyed. If none has, the actor has
// now, and waits says what is waited for.
func (p *Platform) agreed(tx *store.Tx, a cloister.Actor, s SpaceInfo) (waits, err error) {
	w, err := tx.DestroyWish(s.ID)
	if err != nil && cloister.KindOf(err) != cloister.NotFound {
		return nil, err
	}
	if err == nil && w.Good(a.User.ID, tx.Now) {
		m, err := tx.Member(s.TeamID, w.UserID)
		if err == nil && m.Role == cloister.Admin {
			return nil, nil
		}
		if err != nil && cloister.KindOf(err) != cloister.NotFound {
			return nil, err
		}
	}
	if w.UserID != a.User.ID || !tx.Now.Before(w.At.Add(cloister.WishLife)) {
		w = cloister.DestroyWish{SpaceID: s.ID, UserID: a.User.ID, At: tx.Now}
		if err := tx.PutDestroyWish(w); err != nil {
			return nil, err
		}
		if err := tx.Event("space", s.ID, "ask", "that "+s.Name+" be destroyed"); err != nil {
			return nil, err
		}
	}
	return cloister.Errorf(cloister.Conflict, "Two people must agree to destroy a space here. Have another administrator of %s destroy %s too, until %s.",
		s.Team.Name, s.Name, w.At.Add(cloister.WishLife).UTC().Format(time.RFC3339)), nil
}

// Regions lists where spaces can be made.
func (p *Platform) Regions() []cloister.Region { return p.config.Regions }

func (p *Platform) region(ref string) (cloister.Region, error) {
	if ref == "" {
		ref = cloister.DefaultRegion
	}
	var names []string
	for _, r := range p.config.Regions {
		if r.Name == ref || r.ID == ref {
			return r, nil
		}
		names = append(names, r.Name)
	}
	return cloister.Region{}, cloister.Errorf(cloister.Invalid, "Couldn't find the region %q. Use one of %s.", ref, strings.Join(names, ", "))
}
