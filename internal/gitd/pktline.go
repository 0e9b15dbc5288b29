package gitd

import (
	"bufio"
	"fmt"
	"io"
	"strconv"

	"github.com/cloister-dev/cloister"
)

// readCommands reads the beginning of a push, the list of refs up to its end, and returns it as it was. Git itself
// would take a list of any length into memory; here it ends at max lines, of which it returns what it has read. What
// follows, the pack, stays in r.
func readCommands(r *bufio.Reader, max int) ([]byte, error) {
	var all []byte
	for lines := 0; ; lines++ {
		if lines > max {
			return all, cloister.Errorf(cloister.TooLarge, "A push may change at most %d branches and tags. Push them in several turns.", max)
		}
		head := make([]byte, 4)
		if n, err := io.ReadFull(r, head); err != nil {
			if n == 0 && err == io.EOF && len(all) == 0 {
				return nil, cloister.Errorf(cloister.BadRequest, "The request is empty.")
			}
			return nil, fmt.Errorf("read push: %w", err)
		}
		all = append(all, head...)
		n, err := strconv.ParseUint(string(head), 16, 16)
		if err != nil || n > 0 && n <= 4 || n > 65520 {
			return nil, cloister.Errorf(cloister.BadRequest, "The request is not a push.")
		}
		if n == 0 {
			return all, nil
		}
		start := len(all)
		all = append(all, make([]byte, n-4)...)
		if _, err := io.ReadFull(r, all[start:]); err != nil {
			return nil, fmt.Errorf("read push: %w", err)
		}
	}
}
