package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/services"
)

func TestMavenIsAskedForWhatIsListedAlone(t *testing.T) {
	t.Parallel()
	text, err := project([]services.Jar{{Group: "org.example", Artifact: "one", Version: "1.0"}, {Group: "org.example", Artifact: "two", Version: "2.0"}})
	if err != nil {
		t.Fatal(err)
	}
	want := `<dependency><groupId>org.example</groupId><artifactId>two</artifactId><version>2.0</version>` +
		`<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions></dependency></dependencies></project>`
	if !strings.HasPrefix(string(text), `<project xmlns="http://maven.apache.org/POM/4.0.0">`) || !strings.HasSuffix(string(text), want) {
		t.Errorf("the project is %s", text)
	}
}

func TestFilesThatAreOthersAreRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.jar")
	if err := os.WriteFile(path, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	const sum = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
	if err := check(path, sum); err != nil {
		t.Error(err)
	}
	if err := check(path, strings.Repeat("0", 64)); cloister.KindOf(err) != cloister.Corrupt || !strings.Contains(err.Error(), sum) {
		t.Errorf("another file: %v", err)
	}
	if err := check(path+"x", sum); err == nil {
		t.Error("a file that is not there is good")
	}
}
