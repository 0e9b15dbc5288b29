//go:build !linux

package drain

import "time"

// impatient does nothing where kernels have no such patience to set.
func impatient(allowed control, _ time.Duration) control { return allowed }
