package server

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
)

// A keyring is the one secret of the installation, of which others are derived.
type keyring []byte

// openKeys reads the key file, or makes it.
func openKeys(path string) (keyring, error) {
	key, err := readKey(path)
	if errors.Is(err, os.ErrNotExist) {
		return newKey(path)
	}
	return key, err
}

// newKey makes a key file.
func newKey(path string) (keyring, error) {
	key := make([]byte, 32)
	rand.Read(key)
	if err := writeWhole(path, key, 0o600); err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	return key, nil
}

func readKey(path string) (keyring, error) {
	key, err := os.ReadFile(path)
	if err == nil && len(key) != 32 {
		err = fmt.Errorf("%s has %d bytes instead of 32", path, len(key))
	}
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	return key, nil
}

// derive makes the key for a purpose: knowing one of them gives no other away.
func (k keyring) derive(purpose string) []byte {
	out, err := hkdf.Key(sha256.New, k, nil, "cloister "+purpose, 32)
	if err != nil {
		panic(err) // only lengths that are constants here can be wrong
	}
	return out
}
