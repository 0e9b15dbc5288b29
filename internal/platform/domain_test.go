package platform_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
)

// certificate is one that signs itself, for some names, as it is uploaded.
func certificate(names ...string) platform.EndpointSpec {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	x := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: names, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour)}
	der, _ := x509.CreateCertificate(rand.Reader, x, x, key.Public(), key)
	chain := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	der, _ = x509.MarshalPKCS8PrivateKey(key)
	secret := cloister.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return platform.EndpointSpec{Chain: &chain, Key: &secret}
}

// certified is the id of a certificate of quiet-garth for www.example.com; domained is that name, which it has.
func (h *house) certified(ctx context.Context) string {
	_, e, _ := h.AddEndpoint(ctx, h.admin, "quiet-garth", certificate("www.example.com"))
	return e.ID
}

func (h *house) domained(ctx context.Context) string {
	h.AddDomain(ctx, h.admin, "quiet-garth", "www.example.com", "")
	return "www.example.com"
}

// rival is an app of another team, "other", with an admin of its own.
func (h *house) rival(t *testing.T) (cloister.Actor, string) {
	t.Helper()
	ctx := t.Context()
	u := h.newUser(ctx)
	a := cloister.Actor{User: u}
	team := h.newTeam(ctx, h.operator)
	_, err := h.AddMember(ctx, h.operator, team, u.Email, cloister.Admin)
	must(t, err)
	_, err = h.CreateSpace(ctx, a, platform.SpaceSpec{Name: "rival-space", Team: team})
	must(t, err)
	_, err = h.CreateApp(ctx, a, platform.AppSpec{Name: "rival", Space: "rival-space"})
	must(t, err)
	return a, "rival"
}

func TestDomainsOfAnApp(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	app, d, err := h.AddDomain(ctx, h.admin, "quiet-garth", "WWW.Bücher.example.", "")
	must(t, err)
	same(t, []any{d.Hostname, d.Ready, d.Default, d.Target}, []any{"www.xn--bcher-kva.example", false, false, strings.ReplaceAll(app.SpaceID, "-", "")[:12] + ".apps.example"})
	same(t, h.last(t).Action, "create")
	for _, ref := range []string{d.ID, "www.bücher.example", "WWW.XN--BCHER-KVA.EXAMPLE."} {
		_, got, err := h.Domain(ctx, h.viewer, "quiet-garth", ref)
		must(t, err)
		same(t, got, d)
	}
	_, all, err := h.Domains(ctx, h.viewer, "quiet-garth")
	must(t, err)
	same(t, []any{len(all), all[0].Default, all[0].Hostname, all[1]}, []any{2, true, app.Host, d})
	_, _, err = h.AddDomain(ctx, h.admin, "quiet-garth", "www.bücher.example", "")
	wantError(t, err, cloister.Invalid, "Hostname www.xn--bcher-kva.example is a domain of quiet-garth already.")
	_, _, err = h.RemoveDomain(ctx, h.admin, "quiet-garth", app.Host)
	wantKind(t, err, cloister.Invalid)
	_, _, err = h.RemoveDomain(ctx, h.admin, "quiet-garth", d.ID)
	must(t, err)
	_, _, err = h.Domain(ctx, h.admin, "quiet-garth", d.ID)
	wantKind(t, err, cloister.NotFound)
}

func TestNamesAreNobodyElses(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	records := map[string]string{}
	p := platform.New(h.store, platform.Config{AppDomain: "apps.localhost", OutboundPool: netip.MustParsePrefix("198.51.100.0/24"), LookupTXT: func(_ context.Context, name string) ([]string, error) {
		if records[name] == "" {
			return nil, errors.New("no such host")
		}
		return []string{"something else", records[name]}, nil
	}}, slog.New(slog.DiscardHandler))
	eve, rival := h.rival(t)
	team, err := h.App(ctx, eve, rival)
	must(t, err)
	add := func(a cloister.Actor, app, name string) error {
		_, _, err := p.AddDomain(ctx, a, app, name, "")
		return err
	}
	must(t, add(h.admin, "quiet-garth", "www.example.com"))
	must(t, add(h.admin, "quiet-garth", "*.wild.example.com"))
	must(t, add(h.admin, "quiet-garth", "*.shop.example.com"))
	must(t, add(h.admin, "quiet-garth", "a.wild.example.com")) // within their own
	wantError(t, add(eve, rival, "www.example.com"), cloister.Invalid, "www.example.com is currently in use by another app.")
	for _, name := range []string{"b.wild.example.com", "a.b.wild.example.com", "wild.example.com", "*.b.wild.example.com"} {
		wantError(t, add(eve, rival, name), cloister.Invalid, "Another team has all names below wild.example.com, so "+name+" cannot be yours as well.")
	}
	wantError(t, add(eve, rival, "*.example.com"), cloister.Invalid, "Another team has a name below example.com, so all of them cannot be yours. Add those that you need one by one.")
	beside := "Another team has a name under example.com. To prove that api.example.com is yours, add a TXT record at _cloister.api.example.com with the text cloister-team=" + team.TeamID + ", and try again when it is there."
	wantError(t, add(eve, rival, "api.example.com"), cloister.Invalid, beside)
	records["_cloister.other.example.com"] = "cloister-team=" + team.TeamID // of another name
	wantError(t, add(eve, rival, "api.example.com"), cloister.Invalid, beside)
	records["_cloister.api.example.com"] = "cloister-team=" + cloister.NewID() // of another team
	wantError(t, add(eve, rival, "api.example.com"), cloister.Invalid, beside)
	records["_cloister.api.example.com"] = "cloister-team=" + team.TeamID
	must(t, add(eve, rival, "api.example.com"))
	records["_cloister.example.com"] = "cloister-team=" + team.TeamID
	must(t, add(eve, rival, "x.y.example.com"))
	for _, name := range []string{"www.example.com", "b.wild.example.com", "*.example.com"} { // which no proof is good for
		wantKind(t, add(eve, rival, name), cloister.Invalid)
	}
	must(t, add(eve, rival, "www.example.org")) // nobody is there
	must(t, add(eve, rival, "a.co.uk"))
	must(t, add(h.admin, "quiet-garth", "b.co.uk")) // somebody else's
}

func TestADomainIsServedWithACertificateForIt(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	in := certificate("www.example.com", "*.shop.example.com")
	label := "main"
	in.Label = &label
	app, e, err := h.AddEndpoint(ctx, h.admin, "quiet-garth", in)
	must(t, err)
	same(t, []any{e.Chain, e.Key, e.Label, len(e.Warnings)}, []any{*in.Chain, cloister.Secret(""), "main", 1})
	_, d, err := h.AddDomain(ctx, h.admin, "quiet-garth", "www.example.com", e.Name)
	must(t, err)
	same(t, []string{d.EndpointID, d.EndpointName}, []string{e.ID, e.Name})
	_, _, err = h.AddDomain(ctx, h.admin, "quiet-garth", "other.example.com", "main")
	wantError(t, err, cloister.Invalid, "Certificate "+e.Name+" is for www.example.com, *.shop.example.com, and not for other.example.com: clients would not accept it.")
	_, _, err = h.AddDomain(ctx, h.admin, "quiet-garth", "a.shop.example.com", "")
	must(t, err)
	_, d, err = h.PinDomain(ctx, h.admin, "quiet-garth", "a.shop.example.com", "main")
	must(t, err)
	same(t, d.EndpointID, e.ID)
	_, e, err = h.Endpoint(ctx, h.viewer, "quiet-garth", e.Name)
	must(t, err)
	same(t, []any{len(e.Domains), e.Key}, []any{2, cloister.Secret("")})

	_, _, err = h.ChangeEndpoint(ctx, h.admin, "quiet-garth", e.Name, certificate("www.example.com"))
	wantError(t, err, cloister.Invalid, "Certificate "+e.Name+" is for www.example.com, and not for a.shop.example.com: clients would not accept it.")
	next := certificate("*.shop.example.com", "www.example.com")
	_, changed, err := h.ChangeEndpoint(ctx, h.admin, "quiet-garth", e.ID, next)
	must(t, err)
	same(t, []any{changed.Chain, changed.Label, changed.Key}, []any{*next.Chain, "main", cloister.Secret("")})
	_, _, err = h.ChangeEndpoint(ctx, h.admin, "quiet-garth", e.ID, platform.EndpointSpec{Chain: next.Chain})
	wantError(t, err, cloister.Invalid, "Another certificate takes both certificate_chain and private_key.")
	_, second, err := h.AddEndpoint(ctx, h.admin, "quiet-garth", certificate("b.example.com"))
	must(t, err)
	_, _, err = h.ChangeEndpoint(ctx, h.admin, "quiet-garth", second.ID, platform.EndpointSpec{Label: &label})
	wantError(t, err, cloister.Invalid, "Display name main is already taken. Choose another one.")

	_, _, err = h.RemoveEndpoint(ctx, h.admin, "quiet-garth", "main")
	must(t, err)
	_, d, err = h.Domain(ctx, h.admin, "quiet-garth", "www.example.com")
	must(t, err)
	same(t, d.EndpointID, "")
	for _, e := range h.events(t) {
		if strings.Contains(string(e.Changes), "PRIVATE KEY") {
			t.Errorf("the trail has a key: %s", e.Changes)
		}
	}
	same(t, h.touched(t), []string{"app " + app.ID, "staple " + app.ID})
}

func TestDomainsAreLimited(t *testing.T) {
	h := newHouse(t)
	one := 1
	_, err := h.SetLimits(t.Context(), h.operator, "cellar", map[string]*int{"domains": &one, "certificates": &one})
	must(t, err)
	for i, want := range []cloister.Kind{"", cloister.Invalid} {
		name := []string{"a.example.com", "b.example.com"}[i]
		if _, _, err := h.AddDomain(t.Context(), h.admin, "quiet-garth", name, ""); cloister.KindOf(err) != want {
			t.Errorf("domain %d: %v", i, err)
		}
		if _, _, err := h.AddEndpoint(t.Context(), h.admin, "quiet-garth", certificate(name)); cloister.KindOf(err) != want {
			t.Errorf("certificate %d: %v", i, err)
		}
	}
}

func TestClientsOfADomain(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	name := h.domained(ctx)
	app, _, err := h.Domain(ctx, h.admin, "quiet-garth", name)
	must(t, err)
	_, err = h.SetClients(ctx, h.admin, "quiet-garth", name, *certificate("nobody").Chain)
	wantKind(t, err, cloister.Invalid)
	_, err = h.SetClients(ctx, h.admin, "quiet-garth", app.Host, "")
	wantError(t, err, cloister.Invalid, app.Host+" is the default domain of quiet-garth, which always works with plain HTTP. Add a domain for clients with certificates.")
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	x := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, _ := x509.CreateCertificate(rand.Reader, x, x, key.Public(), key)
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	h.touched(t)
	_, err = h.SetClients(ctx, h.admin, "quiet-garth", name, "in words: "+"\n"+ca)
	must(t, err)
	same(t, h.touched(t), []string{"app " + app.ID})
	_, d, err := h.Domain(ctx, h.viewer, "quiet-garth", name)
	must(t, err)
	same(t, d.Clients, ca)
	_, err = h.SetClients(ctx, h.admin, "quiet-garth", name, "")
	must(t, err)
	_, d, err = h.Domain(ctx, h.viewer, "quiet-garth", name)
	must(t, err)
	same(t, d.Clients, "")
}

// A chain with a hole in it is completed with what its certificates name; what was uploaded comes back as it was.
func TestAChainIsCompleted(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	type pair struct {
		cert *x509.Certificate
		key  *ecdsa.PrivateKey
	}
	sign := func(name, at string, by *pair) (out pair) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(t, err)
		x := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour)}
		x.Subject.CommonName = name
		if strings.Contains(name, ".") {
			x.DNSNames = []string{name}
		} else {
			x.IsCA, x.BasicConstraintsValid = true, true
		}
		if at != "" {
			x.IssuingCertificateURL = []string{at}
		}
		parent := pair{x, key}
		if by != nil {
			parent = *by
		}
		der, err := x509.CreateCertificate(rand.Reader, x, parent.cert, key.Public(), parent.key)
		must(t, err)
		cert, err := x509.ParseCertificate(der)
		must(t, err)
		return pair{cert, key}
	}
	root := sign("root", "", nil)
	upper := sign("upper", "http://ca.test/root", &root)
	lower := sign("lower", "http://ca.test/upper", &upper)
	leaf := sign("www.example.com", "http://ca.test/lower", &lower)
	text := func(p pair) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.cert.Raw}))
	}
	chain := text(leaf)
	private, err := x509.MarshalPKCS8PrivateKey(leaf.key)
	must(t, err)
	key := cloister.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	in := platform.EndpointSpec{Chain: &chain, Key: &key}

	var asked []string
	answers := map[string][]byte{"http://ca.test/lower": []byte(text(lower)), "http://ca.test/upper": upper.cert.Raw, "http://ca.test/root": root.cert.Raw}
	p := platform.New(h.store, platform.Config{AppDomain: "apps.localhost", Fetch: func(_ context.Context, url string) ([]byte, error) {
		asked = append(asked, url)
		if answers[url] == nil {
			return nil, errors.New("it is not there")
		}
		return answers[url], nil
	}, Log: func(string, string) {}}, slog.New(slog.DiscardHandler))
	_, e, err := p.AddEndpoint(ctx, h.admin, "quiet-garth", in)
	must(t, err)
	same(t, []string{e.Chain, e.Served}, []string{chain, chain + text(lower) + text(upper)}) // clients have the root
	same(t, asked, []string{"http://ca.test/lower", "http://ca.test/upper", "http://ca.test/root"})

	// What is not there, is somebody else's or nonsense changes nothing.
	for what, answer := range map[string][]byte{"nothing": nil, "another's": []byte(text(sign("other", "", nil))), "nonsense": []byte("nonsense")} {
		answers["http://ca.test/lower"] = answer
		_, e, err := p.AddEndpoint(ctx, h.admin, "quiet-garth", in)
		if err != nil || e.Served != chain || len(e.Warnings) == 0 || !strings.Contains(e.Warnings[0], "The chain of the certificate is missing") {
			t.Errorf("%s: %v, warned %q", what, err, e.Warnings)
		}
	}

	// Who may not change the app has nobody asked.
	asked = nil
	_, _, err = p.AddEndpoint(ctx, h.viewer, "quiet-garth", in)
	wantKind(t, err, cloister.Forbidden)
	same(t, len(asked), 0)
}
