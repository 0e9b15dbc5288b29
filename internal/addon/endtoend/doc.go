// Package endtoend holds tests that run data services on the engine that real servers use, from the recipe of an image to
// a client in a dyno. What control does, the tests do in a few lines. It has no other code, and nothing imports it.
package endtoend
