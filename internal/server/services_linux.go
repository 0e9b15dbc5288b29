package server

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon"
	"github.com/cloister-dev/cloister/internal/addon/kafka"
	"github.com/cloister-dev/cloister/internal/addon/postgres"
	"github.com/cloister-dev/cloister/internal/addon/redis"
	"github.com/cloister-dev/cloister/internal/build"
	"github.com/cloister-dev/cloister/internal/outside"
	"github.com/cloister-dev/cloister/internal/store"
	"github.com/cloister-dev/cloister/services"
)

// kinds are the data services that there are, by the kinds of the catalogue.
var kinds = map[string]addon.Kind{"postgres": postgres.Kind{}, "redis": redis.Kind{}, "kafka": kafka.Kind{}}

// checkAddon reports why no add-on of a kind of service can be made of a plan and options, or nil: it is not for its kind, or
// the images that it takes are not made yet.
func checkAddon(s *store.Store) func(kind string, plan cloister.Plan, options map[string]string) error {
	return func(name string, plan cloister.Plan, options map[string]string) error {
		kind, ok := kinds[name]
		if !ok {
			return nil
		}
		if err := kind.Check(plan, options); err != nil {
			return err
		}
		return s.View(context.Background(), func(tx *store.Tx) error {
			for _, i := range kind.Instances(addon.Spec{Plan: plan, Addon: cloister.Addon{Options: options}}) {
				if _, err := tx.Image(i.Image); cloister.KindOf(err) == cloister.NotFound {
					return cloister.Errorf(cloister.Unavailable, "The image %s was not made yet on this machine. Its operator makes it with `cloister services:ensure %s`.", i.Image, i.Image)
				} else if err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// checkSetting reports why a setting of a kind of service cannot have a value, or nil.
func checkSetting(name, setting, value string) error {
	kind, ok := kinds[name]
	if !ok {
		return cloister.Errorf(cloister.Invalid, "There is nothing to set about an add-on of this service.")
	}
	return kind.CheckSetting(setting, value)
}

// An image is what a data service is made of, as the admin socket has it.
type image struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
}

// servicesEnsure makes the images of the data services that are named, or of all, unless the server has them, and makes them
// known to it.
func servicesEnsure(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("cloister services:ensure", flag.ContinueOnError)
	c, err := flags(f, args)
	if err != nil {
		return err
	}
	names := f.Args()
	if len(names) == 0 {
		return fmt.Errorf("name what to make, of %s", strings.Join(services.Names(), ", "))
	}
	images, err := build.OpenStore(c.imagesDir())
	if err != nil {
		return err
	}
	for _, name := range names {
		start := time.Now()
		digest, err := build.BuildService(ctx, images, name, os.Stderr)
		if err != nil {
			return err
		}
		if err := ask(ctx, c, "POST", "/images", image{name, digest}, &struct{}{}); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "Service %s is ready, %s\n", name, time.Since(start).Round(time.Second))
	}
	return nil
}

// fetcher opens what is at an address that a tenant has chosen, for an hour at most.
func fetcher(to outside.Config) func(context.Context, string) (io.ReadCloser, error) {
	client := to.Client(10*time.Second, time.Hour, 4)
	return func(ctx context.Context, url string) (io.ReadCloser, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return nil, cloister.Errorf(cloister.Invalid, "It is no address.")
		}
		res, err := client.Do(req)
		if err != nil {
			return nil, cloister.Errorf(cloister.Invalid, "%s does not answer as it should.", req.URL.Hostname())
		}
		if res.StatusCode != http.StatusOK {
			outside.Finish(res)
			return nil, cloister.Errorf(cloister.Invalid, "%s answers %s.", req.URL.Hostname(), res.Status)
		}
		return res.Body, nil
	}
}
