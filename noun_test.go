package cloister_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
)

func TestIDsAreUUIDsAndNeverTheSame(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := cloister.NewID()
		if !cloister.IsID(id) || id[14] != '4' || !strings.ContainsRune("89ab", rune(id[19])) || seen[id] {
			t.Fatalf("%s is no fresh UUID of version 4", id)
		}
		seen[id] = true
	}
	if !cloister.IsID("01234567-89AB-CDEF-0123-456789ABCDEF") {
		t.Error("an id in upper case is an id")
	}
	for _, name := range []string{"", "quiet-garth", "01234567-89ab-cdef-0123-456789abcde", "01234567-89ab-cdef-0123-456789abcdef\n", "g1234567-89ab-cdef-0123-456789abcdef"} {
		if cloister.IsID(name) {
			t.Errorf("%q is taken for an id", name)
		}
	}
}

func TestTheIDOfANameIsTheSameForEver(t *testing.T) {
	for want, got := range map[string]string{ // clients may have cached these
		"10005b6c-4c74-57d3-a781-36a614019d13": cloister.NameID("region", "virginia"),
		"5760b226-efc7-5c9f-89e8-e682670df67e": cloister.NameID("stack", "debian-12"),
		"b9e05a48-deb1-594e-ab73-dd0ee461086e": cloister.NameID("dyno-size", "Private-S"),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	seen := map[string]string{}
	for _, r := range cloister.Regions {
		if r.ID != cloister.NameID("region", r.Name) || seen[r.ID] != "" || r.Locale == "" || strings.Contains(r.Locale, ",") {
			t.Errorf("%+v", r)
		}
		seen[r.ID] = r.Name
	}
	if cloister.NameID("stack", "virginia") == cloister.NameID("region", "virginia") {
		t.Error("a stack and a region share an id")
	}
}

func TestASecretNeverPrints(t *testing.T) {
	const text = "hunter2"
	s := cloister.Secret(text)
	type holder struct {
		S    cloister.Secret
		P    *cloister.Secret
		Vars map[string]cloister.Secret
	}
	h := holder{s, &s, map[string]cloister.Secret{"A": s}}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%10s", "%d", "%c", "%t", "%U", "%!"} {
		fmt.Fprintf(&out, verb+"\n", s)
		fmt.Fprintf(&out, verb+"\n", h)
		fmt.Fprintf(&out, verb+"\n", []cloister.Secret{s})
	}
	fmt.Fprintln(&out, s, h, errors.New("with "+fmt.Sprint(s)))
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("said", "s", s, "h", h, "p", &s)
	}
	for _, v := range []any{s, h, &h} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
	}
	if strings.Contains(out.String(), text) || strings.Contains(strings.ToLower(out.String()), fmt.Sprintf("%x", text)) {
		t.Errorf("a secret was printed:\n%s", out.String())
	}
	if s.Reveal() != text {
		t.Error("Reveal does not")
	}
	if a, b := cloister.NewToken(), cloister.NewToken(); a == b || len(a) != 64 {
		t.Error("tokens are 64 characters and never the same")
	}
}

func TestErrorsKeepTheirKindWhenWrappedAndInternalOnesKeepTheirText(t *testing.T) {
	err := fmt.Errorf("find: %w", cloister.Missing("addon"))
	if cloister.KindOf(err) != cloister.NotFound || cloister.MessageOf(err) != "Couldn't find that add-on." {
		t.Errorf("%s: %s", cloister.KindOf(err), cloister.MessageOf(err))
	}
	var e *cloister.Error
	if !errors.As(err, &e) || e.Resource != "addon" {
		t.Errorf("%+v", e)
	}
	for _, err := range []error{errors.New("password=hunter2"), cloister.Errorf(cloister.Internal, "password=hunter2")} {
		if cloister.KindOf(err) != cloister.Internal || strings.Contains(cloister.MessageOf(err), "hunter2") {
			t.Errorf("%s: %s", cloister.KindOf(err), cloister.MessageOf(err))
		}
	}
	if cloister.KindOf(nil) != "" {
		t.Error("no error has a kind")
	}
}

func TestConfigVarsHaveARuleForNamesAndALimitForAll(t *testing.T) {
	for _, name := range []string{"A", "_a", "DATABASE_URL", "a1"} {
		if err := cloister.ValidConfig(map[string]cloister.Secret{name: "v"}); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"", "1A", "A-B", "A B", "A=", "Ä", "A\n", strings.Repeat("A", 257)} {
		if cloister.KindOf(cloister.ValidConfig(map[string]cloister.Secret{name: "v"})) != cloister.Invalid {
			t.Errorf("%q names a config var", name)
		}
	}
	if err := cloister.ValidConfig(map[string]cloister.Secret{"AB": cloister.Secret(strings.Repeat("x", cloister.MaxConfig-2))}); err != nil {
		t.Error(err)
	}
	for _, v := range []string{strings.Repeat("x", cloister.MaxConfig-1), "a\x00b"} {
		if err := cloister.ValidConfig(map[string]cloister.Secret{"AB": cloister.Secret(v)}); cloister.KindOf(err) != cloister.Invalid {
			t.Errorf("%d bytes: %v", len(v), err)
		}
	}
}

func TestSmallRulesOfNouns(t *testing.T) {
	at := time.Unix(100, 0)
	for name, ok := range map[string]bool{
		"a dyno is named after its type and number": cloister.Dyno{Type: "web", Number: 12}.Name() == "web.12",
		"a dyno out of the routes is retired":       cloister.Dyno{RetireAt: at}.Retired() && !cloister.Dyno{}.Retired(),
		"an app has a host":                         cloister.App{Name: "a", Label: "b"}.Host("apps.example") == "a-b.apps.example",
		"a label is twelve hex digits":              len(cloister.NewLabel()) == 12,
		"no expiry, never expired":                  !cloister.Authorization{}.Expired(at),
		"expired at its time":                       cloister.Authorization{ExpiresAt: at}.Expired(at),
		"not expired before":                        !cloister.Authorization{ExpiresAt: at}.Expired(at.Add(-1)),
		"back to what worked":                       cloister.Release{SlugID: "s", Status: cloister.ReleaseSucceeded}.CanRollBack(),
		"not back to what failed":                   !cloister.Release{SlugID: "s", Status: cloister.ReleaseFailed}.CanRollBack(),
		"not back to nothing":                       !cloister.Release{Status: cloister.ReleaseSucceeded}.CanRollBack(),
	} {
		if !ok {
			t.Error("not so:", name)
		}
	}
}

func TestAOneOffDynoGetsANumberThatNoneOfItsTypeHas(t *testing.T) {
	var runs []cloister.Run
	for n := 1000; n <= 9999; n++ {
		r := cloister.Run{Dyno: cloister.Dyno{Type: "run", Number: n}}
		if n == 4711 {
			r.Type = "scheduler"
		}
		runs = append(runs, r)
	}
	if n := cloister.RunNumber(runs, "run"); n != 4711 {
		t.Errorf("it is %d, and only 4711 is free", n)
	}
	if n := cloister.RunNumber(runs, "scheduler"); n < 1000 || n > 9999 || n == 4711 {
		t.Errorf("for another type it is %d", n)
	}
}
