// Package build makes images of source code, and keeps them.
//
// A build is a workload like any other: it runs on the stack's build image, in the space "builds", and everything
// that belongs to the tenant happens inside it. The source is unpacked there, buildpacks run there by Heroku's
// classic contract (bin/detect, bin/compile, bin/release), submodules and buildpacks are fetched there. What comes
// out is a stream of files, of which package build makes one layer on top of the stack's run image, kept in a Store
// and addressed by digest.
//
// It refuses to unpack, or run, anything of a tenant's on the server: archives are only read, entry by entry, and
// passed on if they are harmless. It does not dial: a source that lies behind a URL is opened by the caller, who
// knows which addresses are allowed. It knows nothing of releases; the caller makes one of the Result.
package build
