package cloister

import "time"

// A BuildStatus is in the API's words.
type BuildStatus string

const (
	BuildPending   BuildStatus = "pending"
	BuildSucceeded BuildStatus = "succeeded"
	BuildFailed    BuildStatus = "failed"
)

// A Build makes a slug of source code.
type Build struct {
	ID          string
	AppID       string
	UserID      string
	UserEmail   string
	Status      BuildStatus
	SourceURL   string // where the source archive is: of this server's own sources, or anywhere
	Checksum    string // optional: "SHA256:<hex>" that the archive must have
	Version     string // usually the commit
	VersionText string
	Stack       string
	Buildpacks  []Buildpack
	Submodules  []Submodule
	FromGit     bool   // a push waits for it; it is not started again when the push is gone
	Message     string // why it failed, in a line
	SlugID      string
	ReleaseID   string
	Canceled    bool
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// A Submodule is a repository inside the source that the archive lacks; it is fetched inside the build.
type Submodule struct {
	Path   string
	URL    string
	Commit string
}
