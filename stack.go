package cloister

import "time"

// A Stack is an operating system for apps: a run image and a build image.
type Stack struct {
	Name       string
	RunImage   string // digest of an OCI image
	BuildImage string
	Default    bool
	CreatedAt  time.Time
}
