package router

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
)

// kept lists the certificates on a router's disk.
func (w *world) kept() (out []string) {
	w.t.Helper()
	files, err := os.ReadDir(filepath.Join(w.state, "certificates"))
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	for _, f := range files {
		out = append(out, strings.TrimSuffix(f.Name(), ".json"))
	}
	return out
}

func TestTablesOnlyNameCertificates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	one, two, three := certificate(t, "one.test").Summed(), certificate(t, "two.test").Summed(), certificate(t, "three.test").Summed()
	w.publish(func(r *cloister.Routes) {
		r.Certificates = []cloister.Certificate{one}
		r.Apps = []cloister.Route{route("demo")}
		r.Apps[0].Certificates = []cloister.Certificate{two}
	})
	serves := func(names ...string) {
		t.Helper()
		for _, name := range names {
			c, err := w.dialTLS(friend, name)
			if err != nil || c.ConnectionState().PeerCertificates[0].Subject.CommonName != name {
				t.Errorf("%s is not served: %v", name, err)
			}
		}
	}
	serves("one.test", "two.test")
	w.eventually("both are on disk", func() bool { return len(w.kept()) == 2 })

	// Another table does not bring again what is there, and takes away what is there no more.
	w.publish(func(r *cloister.Routes) { r.Apps[0].Certificates = []cloister.Certificate{two, three} })
	w.publish(func(r *cloister.Routes) { r.Certificates = nil })
	serves("two.test", "three.test")
	want := []string{two.Sum, three.Sum}
	slices.Sort(want)
	w.eventually("what is not served is gone", func() bool { return slices.Equal(w.kept(), want) })
	table, err := os.ReadFile(filepath.Join(w.state, "table.json"))
	if err != nil || !strings.Contains(string(table), two.Sum) || strings.Contains(string(table), "PRIVATE") {
		t.Errorf("%v in\n%s", err, table)
	}
	info, err := os.Stat(filepath.Join(w.state, "certificates", two.Sum+".json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}

	// A router that begins without control has them; without its disk it asks for them.
	w.stop()
	w.hang()
	w.startRouter(patient)
	serves("two.test", "three.test")
	w.stop()
	if err := os.WriteFile(filepath.Join(w.state, "certificates", two.Sum+".json"), []byte(`{"Chain":"eA=="}`), 0o600); err != nil {
		t.Fatal(err)
	}
	os.Remove(w.socket)
	w.startFeed()
	w.version = 0
	w.startRouter(patient)
	w.publish(func(*cloister.Routes) {})
	serves("two.test", "three.test")
}

// A table that names what control has no more is not taken: there is a newer one.
func TestATableWithoutItsCertificatesIsNotTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	routes := cloister.Routes{Certificates: []cloister.Certificate{{Names: []string{"gone.test"}, Sum: "gone"}}}
	var asked []string
	err := w.router.join(&routes, func(sums []string) ([]cloister.Certificate, error) {
		asked = append(asked, sums...)
		return nil, nil
	})
	if err == nil || !slices.Equal(asked, []string{"gone"}) {
		t.Errorf("%v after being asked for %v", err, asked)
	}
}
