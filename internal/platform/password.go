package platform

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/cloister-dev/cloister"
)

func validPassword(password cloister.Secret) error {
	if len(password) < 8 {
		return cloister.Errorf(cloister.Invalid, "Password must have at least 8 characters.")
	}
	return nil
}

// hash hashes a new password. Only so many are hashed at once: each takes 64 MiB.
func (p *Platform) hash(ctx context.Context, password cloister.Secret) (string, error) {
	if err := validPassword(password); err != nil {
		return "", err
	}
	done, err := p.hashes(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	return hashPassword(password), nil
}

// hashes waits until a password may be hashed.
func (p *Platform) hashes(ctx context.Context) (done func(), err error) {
	select {
	case p.hashing <- struct{}{}:
		return func() { <-p.hashing }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Argon2id with the second recommended option of RFC 9106: one pass would want 2 GiB, three want 64 MiB.
const (
	argonTime, argonMemory, argonThreads, argonKey = 3, 64 << 10, 2, 32
)

func hashPassword(password cloister.Secret) string {
	salt := make([]byte, 16)
	rand.Read(salt)
	key := argon2.IDKey([]byte(password.Reveal()), salt, argonTime, argonMemory, argonThreads, argonKey)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", argonMemory, argonTime, argonThreads, b64.EncodeToString(salt), b64.EncodeToString(key))
}

func passwordMatches(hash string, password cloister.Secret) bool {
	var memory, time uint32
	var threads uint8
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &time, &threads); err != nil {
		return false
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	key, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil {
		return false
	}
	got := argon2.IDKey([]byte(password.Reveal()), salt, time, memory, threads, uint32(len(key)))
	return subtle.ConstantTimeCompare(got, key) == 1
}

// nobody is the hash that an unknown address is checked against, so that it takes as long as a known one.
func nobody() string {
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", argonMemory, argonTime, argonThreads,
		base64.RawStdEncoding.EncodeToString(make([]byte, 16)), base64.RawStdEncoding.EncodeToString(make([]byte, argonKey)))
}
