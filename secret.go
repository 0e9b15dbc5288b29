package cloister

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
)

// A Secret is text that must not be seen: a token, a password, the value of a config var. It prints, logs and
// marshals as "[secret]"; only Reveal gives the text. (Package fmt cannot ask a field that is not exported: a Secret in
// such a field shows when its struct is printed as a whole.)
type Secret string

func (s Secret) Reveal() string               { return string(s) }
func (s Secret) String() string               { return "[secret]" }
func (s Secret) GoString() string             { return "[secret]" }
func (s Secret) LogValue() slog.Value         { return slog.StringValue("[secret]") }
func (s Secret) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }

// Format covers what String does not: verbs that are wrong for text, for which fmt would show the value.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, "[secret]") }

// Hash is SHA-256 in hexadecimal: what is kept of a token, which is random enough for that.
func (s Secret) Hash() string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
