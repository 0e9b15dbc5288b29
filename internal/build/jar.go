package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/services"
)

// copyPlugin is what makes Maven put files somewhere. It is named with its version, so that it is the same everywhere.
const copyPlugin = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"

// jars brings a recipe's jars into a directory that it makes, and checks that they are what the recipe says. Maven gets
// them, so they come from where this machine's Maven gets its own, and remembers them in the store's directory.
func (b *bootstrap) jars(ctx context.Context, store *Store, jars []services.Jar, dir string) error {
	if _, err := exec.LookPath("mvn"); err != nil {
		return cloister.Errorf(cloister.Unavailable, "What it needs is got by mvn, which is not installed. Install the package maven.")
	}
	pom := filepath.Join(b.work, "pom.xml")
	text, err := project(jars)
	if err != nil {
		return err
	}
	if err := os.WriteFile(pom, text, 0o644); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "mvn", "--batch-mode", "--quiet", "--file", pom, "-Dmaven.repo.local="+store.path("cache", "maven"), "-DoutputDirectory="+dir, copyPlugin)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		if ctx.Err() == nil {
			fmt.Fprintf(b.out, "%s\n", tail(said.Bytes(), 4096))
		}
		return errors.Join(fmt.Errorf("mvn: %w", err), ctx.Err())
	}
	for _, j := range jars {
		if err := check(filepath.Join(dir, j.File()), j.SHA256); err != nil {
			return fmt.Errorf("%s: %w", j.File(), err)
		}
	}
	return nil
}

// check compares the SHA-256 of a file.
func check(path, want string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		return cloister.Checksum(want, got)
	}
	return nil
}

// project is a Maven project that depends on these jars, and on nothing that they depend on.
func project(jars []services.Jar) ([]byte, error) {
	type exclusion struct {
		Group    string `xml:"groupId"`
		Artifact string `xml:"artifactId"`
	}
	type dependency struct {
		Group    string    `xml:"groupId"`
		Artifact string    `xml:"artifactId"`
		Version  string    `xml:"version"`
		But      exclusion `xml:"exclusions>exclusion"`
	}
	p := struct {
		XMLName      xml.Name     `xml:"http://maven.apache.org/POM/4.0.0 project"`
		Model        string       `xml:"modelVersion"`
		Group        string       `xml:"groupId"`
		Artifact     string       `xml:"artifactId"`
		Version      string       `xml:"version"`
		Packaging    string       `xml:"packaging"`
		Dependencies []dependency `xml:"dependencies>dependency"`
	}{Model: "4.0.0", Group: "cloister", Artifact: "service", Version: "1", Packaging: "pom"}
	for _, j := range jars {
		p.Dependencies = append(p.Dependencies, dependency{j.Group, j.Artifact, j.Version, exclusion{"*", "*"}})
	}
	return xml.Marshal(p)
}
