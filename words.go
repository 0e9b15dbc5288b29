package cloister

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Words is text that others gave a thing, fit to be shown to people: printable, and of at most so many characters.
func Words(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	return string([]rune(text)[:min(most, utf8.RuneCountInString(text))])
}
