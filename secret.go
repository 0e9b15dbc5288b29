package cloister

import "log/slog"

// A Secret is text that must not be seen: a token, a password, the value of a config var. It prints, logs and
// marshals as "[secret]"; only Reveal gives the text.
type Secret string

func (s Secret) Reveal() string               { return string(s) }
func (s Secret) String() string               { return "[secret]" }
func (s Secret) GoString() string             { return "[secret]" }
func (s Secret) LogValue() slog.Value         { return slog.StringValue("[secret]") }
func (s Secret) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }
