// Package drain brings the lines of apps' logs to where their owners want them: over HTTPS as Heroku's Logplex does, or
// as syslog over TCP, with or without TLS. It lives in the control process.
//
// Each drain gets every line that was written since it was added, in order. What is on its way, and what comes while
// a receiver or control is away, waits in package logs, on disk and up to a limit; beyond it the oldest lines go, and
// the drain and the app's log are told how many (L10). Lines may come twice, and then in a frame of the same id.
//
// The package refuses to decide which drains there are, to follow redirects, to talk to a server whose certificate it
// cannot check (L14), and to dial what its Config does not allow. One drain never waits for another.
package drain
