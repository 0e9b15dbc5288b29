// Package logs keeps what apps and the platform say: one stream of lines for each app, in Heroku's format, and one
// plain text for each build and release phase. It lives in the control process.
//
// A stream remembers the last 1500 lines of one week, in memory and in files that are flushed within 100 ms, so
// that a restart of control loses nothing that a workload wrote: with each line of a workload its time is kept, and
// following the workload goes on right behind it. Readers take from the stream at their own pace. One that is too
// slow skips what was forgotten meanwhile and is told how much (L11); nobody who writes ever waits for a reader.
//
// What may be read is decided elsewhere. Whoever is allowed to read gets a URL with a secret, as `heroku logs` and
// `heroku releases:output` expect it, and Handler serves exactly that.
//
// The package refuses to interpret lines, to let a line look like two or move a cursor (control characters never
// get in), to keep more than its limits, and to hand anything to somebody who has no secret. Files are not synced to
// the disk: when the machine itself dies, the last seconds may be missing.
package logs
