package cloister

import "time"

// A Slug is what a build makes of source code: an image, and the commands it knows.
type Slug struct {
	ID           string
	AppID        string
	Checksum     string // "SHA256:<hex>" of the slug archive
	Commit       string
	CommitText   string
	Stack        string
	Detected     string            // the last buildpack's name for the app: "Go"
	ProcessTypes map[string]string // process type → command
	Size         int64             // bytes, compressed
	Image        string            // digest of the OCI image: stack layers and slug layer; "" until uploaded
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// A ReleaseStatus is in the API's words.
type ReleaseStatus string

const (
	ReleasePending   ReleaseStatus = "pending"
	ReleaseSucceeded ReleaseStatus = "succeeded"
	ReleaseFailed    ReleaseStatus = "failed"
	ReleaseExpired   ReleaseStatus = "expired"
)

// A Release is one version of an app: a slug and the config vars it runs with. Releases are only ever added.
type Release struct {
	ID          string
	AppID       string
	Version     int
	SlugID      string // "" before the first deploy
	Config      map[string]Secret
	Attached    []string // which of Config came from attachments, sorted; nil before it is made
	Description string
	UserID      string
	UserEmail   string
	Status      ReleaseStatus
	Phase       bool // it has a release command, and is pending until that has ended
	Automatic   bool // made by control, since the release before did not come up
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// CanRollBack reports whether the app can go back to r: it has code, and it once worked.
func (r Release) CanRollBack() bool { return r.SlugID != "" && r.Status == ReleaseSucceeded }
