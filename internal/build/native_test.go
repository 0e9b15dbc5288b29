package build

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// What is compiled by a build must find the libraries it was linked with in a dyno: the run image has to match the
// build image.
func TestCompiledExtensionsWorkInADyno(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: compiles for a minute, and -short was given")
	}
	b := newBench(t, Config{})
	for name, c := range map[string]struct {
		files map[string]string
		check string
	}{
		"python": {map[string]string{"requirements.txt": "psycopg2==2.9.10 --no-binary psycopg2\n"}, `python -c 'import psycopg2; print("libpq", psycopg2.__libpq_version__)'`},
		"nodejs": {map[string]string{
			"package.json": `{"name": "x", "engines": {"node": "22.x"}, "scripts": {"install": "node $(dirname $(dirname $(which node)))/lib/node_modules/npm/node_modules/node-gyp/bin/node-gyp.js rebuild", "build": "echo built with $WORD"}}`,
			"binding.gyp":  `{"targets": [{"target_name": "x", "sources": ["x.c"]}]}`,
			"x.c":          "#include <node_api.h>\nstatic napi_value Init(napi_env e, napi_value x) { napi_value v; napi_create_string_utf8(e, \"libnode\", NAPI_AUTO_LENGTH, &v); return v; }\nNAPI_MODULE(x, Init)\n",
		}, `node -p 'require("./build/Release/x.node")'`},
	} {
		t.Run(name, func(t *testing.T) {
			job := b.job(source(t, c.files))
			job.Config = map[string]cloister.Secret{"WORD": "wisdom"}
			result, said, err := b.build(t, job)
			if err != nil {
				t.Fatal(err)
			}
			if name == "nodejs" && !strings.Contains(said, "built with wisdom") {
				t.Error("the build script did not see the config vars")
			}
			w := engine.Workload{ID: "run-" + name, Image: result.Slug.Image, Env: map[string]string{"PATH": runPath, "HOME": appDir}}
			if err := b.yard.Start(t.Context(), w); err != nil {
				t.Fatal(err)
			}
			defer b.yard.Drop(t.Context(), w.ID)
			var out safeBuffer
			exit, err := b.yard.Exec(t.Context(), w.ID, engine.Process{Command: DynoCommand(c.check)}, engine.Terminal{Out: &out, Err: &out})
			if err != nil || exit != 0 || !strings.HasPrefix(out.String(), "lib") {
				t.Errorf("%d %v: %s", exit, err, out.String())
			}
		})
	}
}

func TestGoAppUsesItsVendoredPackagesAndNewestPatch(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("SKIPPED: go is not installed")
	}
	b := newBench(t, Config{})
	files := map[string]string{
		"go.mod":                          "module example.com/site/v2\n\ngo 1.24\n\nrequire example.com/word v1.0.0\n",
		"vendor/modules.txt":              "# example.com/word v1.0.0\n## explicit; go 1.24\nexample.com/word\n",
		"vendor/example.com/word/word.go": "package word\n\nconst Word = \"vendored\"\n",
		"main.go":                         "package main\n\nimport (\n\t\"fmt\"\n\t\"runtime\"\n\n\t\"example.com/word\"\n)\n\nvar stamp string\n\nfunc main() { fmt.Println(word.Word, runtime.Version(), stamp) }\n",
	}
	job := b.job(source(t, files))
	job.Config = map[string]cloister.Secret{"GO_LINKER_SYMBOL": "main.stamp", "GO_LINKER_VALUE": "stamped", "GOFLAGS": "-nonsense"}
	result, said, err := b.build(t, job)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(said, "       Using the packages in vendor\n") || result.Slug.ProcessTypes["web"] != "bin/site" {
		t.Errorf("process types: %v", result.Slug.ProcessTypes)
	}
	binary := filepath.Join(t.TempDir(), "site")
	if err := os.WriteFile(binary, []byte(slugFiles(t, b.store, result.Slug)["app/bin/site"]), 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(binary).Output()
	if err != nil || !strings.HasPrefix(string(out), "vendored go1.24.") || !strings.HasSuffix(string(out), " stamped\n") {
		t.Errorf("%s %v", out, err)
	}
}
