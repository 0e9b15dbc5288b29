package web

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

// A house as full as the goal names: 100 apps and 1 000 dynos, 20 apps to a space, as many as it may have.
const (
	benchSpaces = 5
	benchApps   = 20 // of each space
	benchDynos  = 10 // of each app
)

// BenchmarkPages tells how long each page takes to be made, and how much of it there is, uncompressed. The goal is 50 ms and 100 kB.
func BenchmarkPages(b *testing.B) {
	m := newManor(b)
	hello, err := m.platform.App(b.Context(), m.ada, "hello")
	check(b, err)
	apps := []platform.AppInfo{hello}
	for i := range benchSpaces {
		space := fmt.Sprintf("space-%d", i)
		_, err := m.platform.CreateSpace(b.Context(), m.ada, platform.SpaceSpec{Name: space, Team: "acme"})
		check(b, err)
		for j := range benchApps {
			app, err := m.platform.CreateApp(b.Context(), m.ada, platform.AppSpec{Name: fmt.Sprintf("app-%d-%d", i, j), Space: space})
			check(b, err)
			apps = append(apps, app)
		}
	}
	m.params["space"] = "space-0"
	m.update(func(tx *store.Tx) error {
		for _, a := range apps {
			if err := tx.PutProcessType(cloister.ProcessType{ID: cloister.NewID(), AppID: a.ID, Type: "work", Command: "work", Quantity: benchDynos, Size: "Private-S", CreatedAt: tx.Now, UpdatedAt: tx.Now}); err != nil {
				return err
			}
			for n := range benchDynos {
				if err := tx.PutDyno(cloister.Dyno{ID: cloister.NewID(), AppID: a.ID, SpaceID: a.SpaceID, Type: "work", Number: n + 1, Version: 1, Size: "Private-S", Command: "work", Zone: "a", State: cloister.DynoUp, UpAt: tx.Now, CreatedAt: tx.Now, UpdatedAt: tx.Now}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	admin := m.people["admin"]
	for _, d := range m.web.doors() {
		if d.does != nil {
			continue
		}
		b.Run(strings.TrimPrefix(d.path, "/"), func(b *testing.B) {
			size, began := 0, time.Now()
			for b.Loop() {
				size = len(admin.get(m.fill(d.path)).text)
			}
			b.ReportMetric(float64(size)/1000, "kB")
			b.ReportMetric(float64(time.Since(began).Microseconds())/1000/float64(b.N), "ms")
		})
	}
}
