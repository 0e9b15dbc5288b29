package cloister

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Pipeline is a way that code takes from app to app, from stage to stage, as it was built once. Platform writes all of it.
type Pipeline struct {
	ID        string
	Name      string
	TeamID    string // of the team that owns it; "" if a user does
	UserID    string // of the user that owns it; "" if a team does
	CreatedAt time.Time
	UpdatedAt time.Time
}

// A Stage is how far along a pipeline an app is.
type Stage string

// The stages, from the first on.
const (
	StageTest        Stage = "test"
	StageReview      Stage = "review"
	StageDevelopment Stage = "development"
	StageStaging     Stage = "staging"
	StageProduction  Stage = "production"
)

// Stages are all of them, in order.
var Stages = []Stage{StageTest, StageReview, StageDevelopment, StageStaging, StageProduction}

// ParseStage reads a stage. An unknown one is Invalid.
func ParseStage(s string) (Stage, error) {
	if slices.Contains(Stages, Stage(s)) {
		return Stage(s), nil
	}
	return "", Errorf(Invalid, "Stage %q is invalid. Use one of test, review, development, staging, production.", s)
}

// HasConfig reports whether a pipeline has config vars for a stage: those whose apps come and go, as on Heroku.
func (s Stage) HasConfig() bool { return s == StageTest || s == StageReview }

// ParseConfigStage reads a stage that has config vars. Another one is Invalid.
func ParseConfigStage(s string) (Stage, error) {
	stage, err := ParseStage(s)
	if err == nil && !stage.HasConfig() {
		err = Errorf(Invalid, "Stage %s has no config vars of its own: each of its apps has. Use test or review, or `config:set` of the app.", s)
	}
	return stage, err
}

// The API's rule for the name of a pipeline.
var pipelineName = regexp.MustCompile(`^[a-z][a-z0-9-]{2,29}$`)

// ValidPipelineName reports why s may not name a pipeline, or nil.
func ValidPipelineName(s string) error {
	if !pipelineName.MatchString(s) || strings.HasSuffix(s, "-") {
		return Errorf(Invalid, "Name must be 3 to 30 characters: lower-case letters, digits and dashes, starting with a letter and not ending with a dash.")
	}
	return nil
}

// A Coupling is an app's place in a pipeline. An app has one at most. Platform writes all of it.
type Coupling struct {
	ID         string
	PipelineID string
	AppID      string
	Stage      Stage
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// A Promotion is code on its way from one app of a pipeline to others. Platform writes it, once; how far it is can be seen
// by the releases that it made.
type Promotion struct {
	ID         string
	PipelineID string
	AppID      string // that the code comes from
	ReleaseID  string // the release of it
	CreatedAt  time.Time
}

// A PromotionTarget is one app that code is promoted to.
type PromotionTarget struct {
	ID          string
	PromotionID string
	AppID       string
	ReleaseID   string        // that it made; "" if it could not
	Status      ReleaseStatus // of that release; failed if it could not be made
	Error       string        // why it could not be made, or failed; ""
}

// Done reports whether a promotion to these targets is over.
func Done(all []PromotionTarget) bool {
	return !slices.ContainsFunc(all, func(t PromotionTarget) bool { return t.Status == ReleasePending })
}
