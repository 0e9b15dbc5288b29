// Package buildpacks holds the buildpacks that come with Cloister, as files. They are classic buildpacks: a bin/detect,
// a bin/compile and a bin/release each, run inside the sandbox of a build and nowhere else.
//
// It is data. What runs them is package build.
package buildpacks

import "embed"

// Files has one directory per buildpack.
//
//go:embed all:go all:nodejs all:python all:static all:procfile all:exec
var Files embed.FS
