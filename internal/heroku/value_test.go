package heroku

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestRefReadsEveryWayToNameAnObject(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]Ref{
		`"x"`: "x", `{"id":"x"}`: "x", `{"name":"x"}`: "x", `{"email":"a@b.c"}`: "a@b.c",
		`{"id":"i","name":"n"}`: "i", `null`: "", `{}`: "",
	} {
		var r Ref
		if err := json.Unmarshal([]byte(in), &r); err != nil || r != want {
			t.Errorf("%s: got %q, %v; want %q", in, r, err, want)
		}
	}
	for _, in := range []string{`1`, `[]`, `{"id":1}`} {
		var r Ref
		if err := json.Unmarshal([]byte(in), &r); err == nil {
			t.Errorf("%s: read as %q, want an error", in, r)
		}
	}
}

func TestQuantityIsANumberOrAChange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in, out   string
		now, then int
	}{
		{`2`, `2`, 5, 2}, {`"2"`, `2`, 5, 2}, {`"+1"`, `"+1"`, 5, 6}, {`"-1"`, `"-1"`, 5, 4}, {`"-9"`, `"-9"`, 5, 0}, {`0`, `0`, 5, 0},
	} {
		var q Quantity
		if err := json.Unmarshal([]byte(c.in), &q); err != nil {
			t.Errorf("%s: %v", c.in, err)
		}
		if got := q.Of(c.now); got != c.then {
			t.Errorf("%s of %d: got %d, want %d", c.in, c.now, got, c.then)
		}
		if b, err := json.Marshal(q); err != nil || string(b) != c.out {
			t.Errorf("%s: sent as %s, %v; want %s", c.in, b, err, c.out)
		}
	}
	for _, in := range []string{`-1`, `1.5`, `"x"`, `""`, `{}`, `"1e9"`} {
		var q Quantity
		if err := json.Unmarshal([]byte(in), &q); err == nil {
			t.Errorf("%s: read as %v, want an error", in, q)
		}
	}
}

func TestEnvTakesNumbersAsText(t *testing.T) {
	t.Parallel()
	var e Env
	if err := json.Unmarshal([]byte(`{"TERM":"xterm","COLUMNS":120,"FLAG":true,"NONE":null}`), &e); err != nil {
		t.Fatal(err)
	}
	if len(e) != 3 || e["TERM"] != "xterm" || e["COLUMNS"] != "120" || e["FLAG"] != "true" {
		t.Errorf("got %v", e)
	}
	if err := json.Unmarshal([]byte(`{"A":{}}`), &e); err == nil {
		t.Error("an object was taken as a value")
	}
}

func TestExpiresInMayBeText(t *testing.T) {
	t.Parallel()
	var in AuthorizationCreateOpts
	if err := json.Unmarshal([]byte(`{"expires_in":"60"}`), &in); err != nil || in.ExpiresIn == nil || *in.ExpiresIn != 60 {
		t.Errorf("got %v, %v", in.ExpiresIn, err)
	}
}

func TestAbsentIsNullAndEmptyIsEmpty(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(App{Name: "a", CreatedAt: At(time.Date(2024, 1, 2, 4, 4, 5, 999, time.FixedZone("", 3600)))})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"team":null`, `"organization":null`, `"space":null`, `"repo_size":null`, `"slug_size":null`,
		`"released_at":null`, `"web_url":null`, `"created_at":"2024-01-02T03:04:05Z"`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s lacks %s", b, want)
		}
	}
	b, err = json.Marshal(struct {
		L List[int]
		M Map
		R Ruleset
	}{})
	if err != nil {
		t.Fatal(err)
	}
	if s := string(b); !strings.HasPrefix(s, `{"L":[],"M":{},`) || !strings.Contains(s, `"rules":[]`) || strings.Contains(s, "applied") {
		t.Errorf("got %s", s)
	}
}

func TestTimeReadsNull(t *testing.T) {
	t.Parallel()
	var a App
	if err := json.Unmarshal([]byte(`{"released_at":null,"created_at":"2024-01-02T03:04:05Z"}`), &a); err != nil {
		t.Fatal(err)
	}
	if !a.ReleasedAt.IsZero() || a.CreatedAt.Text() != "2024-01-02T03:04:05Z" {
		t.Errorf("got %v and %v", a.ReleasedAt, a.CreatedAt)
	}
}

func TestUpdateTellsAbsentFromNull(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(ConfigVarUpdateOpts{"A": Pointer("x"), "B": nil})
	if err != nil || string(b) != `{"A":"x","B":null}` {
		t.Errorf("got %s, %v", b, err)
	}
	b, err = json.Marshal(FormationBatchOpts{Updates: List[FormationUpdate]{{Type: "web", Quantity: &Quantity{N: 1, Relative: true}}}})
	if err != nil || string(b) != `{"updates":[{"type":"web","quantity":"+1"}]}` {
		t.Errorf("got %s, %v", b, err)
	}
}
