// Package gitd is the git server: `git push` deploys, `git clone` gives the code back. It speaks git's smart HTTP
// protocol on the API's port, by running git's own upload-pack and receive-pack on bare repositories that are named
// after the ids of apps.
//
// A push of main or master is a build. While git holds the pushed objects in quarantine it runs the pre-receive
// hook, which is the cloister binary itself (RunHook). Over a socket that exists for this one push, and with a
// secret that works for this one push, the hook tells the server what is pushed. The server decides: it refuses,
// lets it pass, or asks for the source of a commit, which the hook sends as a tar archive. The build's output goes
// back to the hook, from there to git and to the person who pushes. Only when the build has succeeded does the
// branch move; when it failed, or the person went away, the repository stays as it was.
//
// The package refuses to look inside a path that a client gives (it knows ids only), to check anything out, to run
// hooks or read configuration of a repository, and to trust git with limits it does not have: sizes, numbers of refs
// and of pushes at once are bounded here. Who may do what, and what a build is, is decided by the Platform.
package gitd
