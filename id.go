package cloister

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
)

var uuidPattern = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// NewID returns a random UUID, version 4, as every object of the Platform API has one.
func NewID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails since Go 1.24
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// IsID tells a UUID from a name. Names are never UUIDs: no rule for a name allows 36 characters.
func IsID(s string) bool { return uuidPattern.MatchString(strings.ToLower(s)) }

// NewToken returns 32 random bytes in hexadecimal: a credential, or the unguessable part of a URL.
func NewToken() Secret { return Secret(RandomHex(32)) }

// RandomHex returns n random bytes in hexadecimal.
func RandomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// NameID is the UUID (version 5) of something that has a name and no row: a region, a stack, a dyno size. It is the
// same on every server and after every restart, as clients may cache it.
func NameID(kind, name string) string {
	b := sha1.Sum([]byte("cloister/" + kind + "/" + name))
	b[6], b[8] = b[6]&0x0f|0x50, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
