package platform_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
)

// goodFor says what a token of each scope is good for, whatever its owner may do.
var goodFor = map[cloister.Scope][]need{
	cloister.IdentityScope:       {},
	cloister.ReadScope:           {account, oversee, view, see},
	cloister.ReadProtectedScope:  {account, oversee, view, see, read},
	cloister.WriteScope:          {account, oversee, view, see, operate, manage, create, member, coupled, admin},
	cloister.WriteProtectedScope: {account, oversee, view, see, operate, manage, create, member, coupled, admin, read, deploy, upload},
	cloister.GlobalScope:         {account, oversee, view, see, operate, manage, create, member, coupled, admin, read, deploy, upload, own, operator},
}

// ofToken says what these deeds take of a token, where that is more than what they take of its owner.
var ofToken = map[string]need{"Couple": deploy, "Promote": deploy, "SetPipelineConfig": deploy, "PipelineConfig": read}

// Each deed is tried with a token of each scope, whose owner may do everything.
func TestTokensAreGoodForTheirScopesAndNothingElse(t *testing.T) {
	for name, deed := range deeds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			need, more := ofToken[name]
			if !more {
				need = deed.need
			}
			for _, s := range cloister.Scopes {
				h := newHouse(t)
				h.deploy(t, "quiet-garth", "web")
				h.addDyno(t, "quiet-garth", "web", 1)
				h.abroad(t)
				_, err := h.SetMember(t.Context(), h.admin, "acme", h.creates.User.Email, cloister.Admin)
				must(t, err)
				a := h.creates // not she by whom deeds are prepared
				a.User.Operator, a.Authorization, a.Scope = true, cloister.NewID(), []cloister.Scope{s}
				before := h.by(t, a)
				err = deed.do(t.Context(), h, a)
				good := slices.Contains(goodFor[s], need)
				switch {
				case good && err != nil && cloister.KindOf(err) != cloister.Invalid: // there is nothing to destroy
					t.Errorf("%s: %v", s, err)
				case !good && (cloister.KindOf(err) != cloister.Forbidden || !strings.Contains(err.Error(), "This token has the scope "+string(s))):
					t.Errorf("%s: got %v, want a refusal", s, err)
				case !good && h.by(t, a) != before:
					t.Errorf("%s was refused, and yet something happened", s)
				}
			}
		})
	}
}

func TestATokenIsWhatItWasMadeAs(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	x, token, err := h.CreateAuthorization(ctx, h.admin, "robot", []string{"read", "identity", "read"}, time.Hour)
	must(t, err)
	same(t, x.Scope, []cloister.Scope{"read", "identity"})
	a, err := h.Authenticate(ctx, "", token)
	must(t, err)
	same(t, a.Scope, x.Scope)
	_, err = h.Space(ctx, a, "cellar")
	must(t, err)
	_, err = h.RenameSpace(ctx, a, "cellar", "tower")
	wantKind(t, err, cloister.Forbidden)
	same(t, err.Error(), "This token has the scope read, identity, which is not enough to manage the space. Use one that was made with another scope.")
	_, err = h.Space(ctx, a, "nowhere") // what it is good for it tells as ever
	wantKind(t, err, cloister.NotFound)
	_, err = h.RenameSpace(ctx, a, "nowhere", "tower") // and of what it is not, not even that it is missing
	wantKind(t, err, cloister.Forbidden)
	_, _, err = h.CreateAuthorization(ctx, a, "", nil, 0) // or it would be global by itself
	wantKind(t, err, cloister.Forbidden)
	_, token, err = h.RotateAuthorization(ctx, h.admin, x.ID)
	must(t, err)
	a, err = h.Authenticate(ctx, "", token)
	must(t, err)
	same(t, a.Scope, x.Scope)
	none := h.admin
	none.Authorization = cloister.NewID() // a token of which nothing is known any more
	_, err = h.Space(ctx, none, "cellar")
	wantKind(t, err, cloister.Forbidden)
}
