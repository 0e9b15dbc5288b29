package build

import (
	"context"
	"fmt"
	"io/fs"
	"net/url"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/buildpacks"
)

// A buildpack is one that takes part in a build.
type buildpack struct {
	given    cloister.Buildpack // as the app's owner named it, or by which it will be pinned
	bundled  string             // its directory in package buildpacks, or ""
	url      string             // where it is fetched from, if it is not bundled
	dir      string             // in the sandbox
	detected string             // its name for the app, if detection was done already
}

// bundledAs are the names that stand for bundled buildpacks, in all namespaces they are known by.
var bundledAs = map[string]string{
	"heroku/go": "go", "heroku/nodejs": "nodejs", "heroku/python": "python", "heroku/static": "static", "heroku/procfile": "procfile",
	"heroku-community/static": "static", "heroku/exec": "exec", "https://github.com/heroku/exec-buildpack": "exec",
	"cloister/go": "go", "cloister/nodejs": "nodejs", "cloister/python": "python", "cloister/static": "static", "cloister/procfile": "procfile",
}

// detection is the order in which bundled buildpacks are asked whether an app is of their kind, and the name by which
// the app is pinned to the one that says yes. It is the order of Heroku's, most telling first.
var detection = []struct{ bundled, name string }{
	{"nodejs", "heroku/nodejs"}, {"python", "heroku/python"}, {"go", "heroku/go"}, {"static", "heroku-community/static"}, {"procfile", "heroku/procfile"},
}

var herokuName = regexp.MustCompile(`^heroku/[a-z][a-z0-9-]*$`)

// CheckBuildpack reports why a buildpack could not be used in a build, or nil. It does not look whether there is
// anything at a URL.
func CheckBuildpack(b cloister.Buildpack) error {
	_, err := findBuildpack(b)
	return err
}

func findBuildpack(b cloister.Buildpack) (buildpack, error) {
	name := strings.TrimPrefix(b.URL, "urn:buildpack:")
	if name == "" {
		name = strings.TrimPrefix(b.Name, "urn:buildpack:")
	}
	if b.Name == "" {
		b.Name = name
	}
	if b.URL == "" {
		b.URL = name
	}
	if dir, ok := bundledAs[strings.TrimSuffix(name, ".git")]; ok {
		return buildpack{given: b, bundled: dir}, nil
	}
	if herokuName.MatchString(name) { // Heroku's registry says the same
		repo := strings.Replace(name, "heroku/", "heroku/heroku-buildpack-", 1)
		return buildpack{given: b, url: "https://github.com/" + repo}, nil
	}
	u, err := url.Parse(name)
	if err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
		return buildpack{given: b, url: name}, nil
	}
	return buildpack{}, cloister.Errorf(cloister.Invalid, "Buildpack %s is neither a name that this server knows nor the https:// URL of a git repository or a .tgz file.", quoteShort(name))
}

// gather puts the buildpacks of the app into the sandbox. If the app has none, it asks the bundled ones.
func (r *attempt) gather(ctx context.Context) error {
	if len(r.job.Buildpacks) == 0 {
		return r.choose(ctx)
	}
	for i, given := range r.job.Buildpacks {
		p, err := findBuildpack(given)
		if err != nil {
			return err
		}
		p.dir = fmt.Sprintf("%s/buildpacks/%d", scratchPath, i+1)
		r.packs = append(r.packs, p)
	}
	if len(r.packs) == 1 {
		r.out.heading("Using buildpack: %s", r.packs[0].given.Name)
	} else {
		r.out.heading("Using buildpacks:")
		for i, p := range r.packs {
			r.out.detail("%d. %s", i+1, p.given.Name)
		}
	}
	for _, p := range r.packs {
		if p.bundled != "" {
			if err := r.writeBundled(ctx, p); err != nil {
				return err
			}
			continue
		}
		if err := r.must(ctx, "Buildpack "+p.given.Name+" could not be fetched.", "fetch", p.dir, p.url); err != nil {
			return err
		}
	}
	return nil
}

// choose takes the first bundled buildpack that knows the app's kind.
func (r *attempt) choose(ctx context.Context) error {
	r.out.heading("Determining which buildpack to use for this app")
	var fit []buildpack
	for _, d := range detection {
		p := buildpack{given: cloister.Buildpack{Name: d.name, URL: d.name}, bundled: d.bundled, dir: scratchPath + "/buildpacks/" + d.bundled}
		if err := r.writeBundled(ctx, p); err != nil {
			return err
		}
		name, _, err := r.detect(ctx, p)
		if err != nil {
			return err
		}
		if p.detected = name; name != "" {
			fit = append(fit, p)
		}
	}
	// A Procfile says how an app is started, not what it is: it decides only if nothing else does.
	if n := len(fit); n > 1 && fit[n-1].bundled == "procfile" {
		fit = fit[:n-1]
	}
	switch {
	case len(fit) == 0:
		r.out.mistake("No default language could be detected for this app.")
		r.out.detail("This happens when no bundled buildpack knows the files in the app's root directory: package.json,\nrequirements.txt, go.mod, index.html, or else a Procfile. Are they all committed? You can also name\na buildpack yourself: heroku buildpacks:set NAME-OR-URL")
		return told("no default language could be detected for this app")
	case len(fit) > 1:
		var all []string
		for _, p := range fit {
			all = append(all, p.detected)
		}
		r.out.mistake("Warning: Multiple default buildpacks reported the ability to handle this app. The first buildpack in the list below will be used.")
		r.out.detail("Detected buildpacks: %s", strings.Join(all, ","))
	}
	r.packs = fit[:1]
	r.out.heading("Using buildpack: %s", r.packs[0].given.Name)
	return nil
}

func (r *attempt) writeBundled(ctx context.Context, p buildpack) error {
	tree, err := fs.Sub(buildpacks.Files, p.bundled)
	if err != nil {
		return err
	}
	if err := r.box.writeTree(ctx, p.dir, tree); err != nil {
		return fmt.Errorf("put buildpack %s into the sandbox: %w", p.given.Name, err)
	}
	return nil
}

// parseRelease reads what a bin/release says: the default process types. Its add-ons are none of a build's business.
func parseRelease(text []byte) (map[string]string, error) {
	var said struct {
		Types map[string]string `yaml:"default_process_types"`
	}
	if err := yaml.Unmarshal(text, &said); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for name, command := range said.Types {
		if err := cloister.ValidProcessType(name); err != nil {
			return nil, err
		}
		if command = strings.TrimSpace(command); command != "" {
			out[name] = command
		}
	}
	return out, nil
}
