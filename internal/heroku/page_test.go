package heroku

import "testing"

func TestRangeReadsWhatClientsSend(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]Range{
		"":                               {},
		"id ..; max=1000;":               {Field: "id", Max: 1000},
		"version ..; max=15, order=desc": {Field: "version", Max: 15, Desc: true},
		"version ..; order=desc,max=1":   {Field: "version", Max: 1, Desc: true},
		"version ..; order=desc":         {Field: "version", Desc: true},
		"version ..":                     {Field: "version"},
		"id ]0123-45..; max=200":         {Field: "id", First: "0123-45", After: true, Max: 200},
		"name a..m[; order=asc":          {Field: "name", First: "a", Last: "m", Before: true, Ascending: true},
		"email ..; max=1000":             {Field: "email", Max: 1000},
		"id":                             {Field: "id"},
	} {
		got, err := ParseRange(in)
		if err != nil || got != want {
			t.Errorf("%q: got %+v, %v; want %+v", in, got, err, want)
		}
	}
	for _, in := range []string{"id x", "id ..; max=0", "id ..; max=x", "id ..; order=up", "id ..; shape=round"} {
		if r, err := ParseRange(in); err == nil {
			t.Errorf("%q: read as %+v, want an error", in, r)
		}
	}
}

func FuzzRangeRoundTrip(f *testing.F) {
	f.Add("id ]a..b[; order=desc, max=3")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRange(s)
		if err != nil || r.Field == "" {
			return
		}
		again, err := ParseRange(r.String())
		if err != nil || again != r {
			t.Errorf("%q became %q: %+v, then %+v, %v", s, r.String(), r, again, err)
		}
	})
}
