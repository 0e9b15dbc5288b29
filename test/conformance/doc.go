// Package conformance runs the official Heroku CLI, unchanged, against Cloister. Its tests are scripts: what a person
// types, and what the terminal must then show.
//
// The scripts in testdata/pretend run against the real API, store and work loop on an engine that only pretends, which
// each script gets for itself: they need the CLI and nothing else. Those in testdata/server run against a whole server
// with its containers: the one that CLOISTER_CONFORMANCE tells of, or one that is started for them, which takes root.
//
// It has nothing but tests, and refuses to know how the server works: it looks at what users see.
package conformance
