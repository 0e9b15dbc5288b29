package build

import "fmt"

// runPath is the PATH of a dyno before its profile scripts, buildPath the one of a build.
const (
	runPath   = "/usr/local/bin:/usr/bin:/bin"
	buildPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// startScript runs in every dyno before its command. A profile script that fails does not keep the command from
// running, as at Heroku; and the command is run by a fresh shell, so that no option or function set by a profile
// script leaks into it, only the environment.
const startScript = `cd /app
for profile in /app/.profile.d/*.sh /app/.profile; do
	if [ -f "$profile" ]; then . "$profile"; fi
done
exec bash -c "$1"`

// DynoCommand is what a dyno runs for the command of a process type: profile scripts in alphabetical order, then
// /app/.profile, then the command by bash, in place of the shell that ran them.
func DynoCommand(command string) []string {
	return []string{"/bin/bash", "-c", startScript, "bash", command}
}

// megabytes writes a size as the build transcript does: "55.9M".
func megabytes(n int64) string {
	if n < 100<<10 {
		return fmt.Sprintf("%.1fK", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1fM", float64(n)/(1<<20))
}
