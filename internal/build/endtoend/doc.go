// Package endtoend holds one test: the examples, built and run on the engine that real servers use, with its
// containers, its networks and its limits. It has no other code, and nothing imports it. It lives apart from package
// build since neither build nor the engine may know the other.
package endtoend
