// Package heroku is the wire: the JSON of the Heroku Platform API, version 3, as its clients send and read it, and
// a small client for it.
//
// The shapes are the superset of what the official CLI, the Terraform provider and the published JSON schema know.
// Server, CLI and tests share them. The package has no opinion on who may do what, never talks to anything but
// the server it is pointed at, and knows nothing of how Cloister keeps or runs the nouns behind the JSON.
//
// Three rules hold everywhere, because clients break otherwise: a relation or a time that is absent is null, never
// an empty object or string; a list or a map is never null; and an id and a name may stand for each other in every
// request.
package heroku
