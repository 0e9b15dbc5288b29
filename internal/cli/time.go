package cli

import (
	"fmt"
	"time"
)

// ago is a moment of the recent past: "2024/01/02 03:04:05 +0000 (~ 2m ago)".
func (s *Session) ago(t time.Time) string {
	now := s.now()
	text := t.In(now.Location()).Format("2006/01/02 15:04:05 -0700")
	switch d := max(0, now.Sub(t)); {
	case d < time.Minute:
		return fmt.Sprintf("%s (~ %ds ago)", text, int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%s (~ %dm ago)", text, int(d.Minutes()))
	case d < 25*time.Hour:
		return fmt.Sprintf("%s (~ %dh ago)", text, int(d.Hours()))
	}
	return text
}

// size is a number of bytes for people: "5 MB".
func size(bytes *int64) string {
	if bytes == nil {
		return "0 B"
	}
	n := float64(*bytes)
	for _, unit := range []string{"B", "KB", "MB", "GB"} {
		if n < 1024 {
			return fmt.Sprintf("%.0f %s", n, unit)
		}
		n /= 1024
	}
	return fmt.Sprintf("%.0f TB", n)
}
