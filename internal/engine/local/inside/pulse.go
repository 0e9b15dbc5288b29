package inside

import (
	"io"
	"os"
)

// Pulse is the command line of a process that shows that processes run where it is: it says again what it is told, until
// nobody tells it anything any more.
func Pulse() []string { return []string{Path, "pulse"} }

func pulse() int {
	if _, err := io.Copy(os.Stdout, os.Stdin); err != nil {
		return 1
	}
	return 0
}
