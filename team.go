package cloister

import (
	"net/netip"
	"regexp"
	"time"
)

// A Team owns spaces and apps.
type Team struct {
	ID        string
	Name      string
	CreatedAt time.Time
	UpdatedAt time.Time

	SuspendedAt time.Time      // since when nothing of it may be changed; zero: it is not suspended
	Trusted     []netip.Prefix // from where its people may use it: the API, git, terminals and pages; empty: from everywhere
}

// A Role is what a member may do in a team as a whole; app permissions come on top.
type Role string

const (
	Admin            Role = "admin"
	MemberRole       Role = "member"
	Viewer           Role = "viewer"
	CollaboratorRole Role = "collaborator"
)

// A Member is a user's place in a team.
type Member struct {
	ID        string
	TeamID    string
	UserID    string
	Email     string // of the user, for lists
	Role      Role
	CreatedAt time.Time
	UpdatedAt time.Time
}

// MaxTeamRanges is how many trusted ranges a team may have.
const MaxTeamRanges = 50

// Admits reports whether people may use the team from an address, in text; "" is the server itself.
func (t Team) Admits(from string) bool {
	if len(t.Trusted) == 0 || from == "" {
		return true
	}
	addr, err := netip.ParseAddr(from)
	return err == nil && Trusts(t.Trusted, addr)
}

var teamName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// reservedTeams are names that the API's own paths use: /teams/apps/{app} and /teams/invitations/{token}.
var reservedTeams = map[string]bool{"apps": true, "invitations": true}

// ValidTeamName reports why s may not name a team, or nil.
func ValidTeamName(s string) error {
	if len(s) < 2 || len(s) > 30 || !teamName.MatchString(s) {
		return Errorf(Invalid, "Name must be 2 to 30 characters: lower-case letters, digits and single dashes, starting and ending with a letter or digit.")
	}
	if reservedTeams[s] {
		return Errorf(Invalid, "Name %s is reserved. Choose another name.", s)
	}
	return nil
}
