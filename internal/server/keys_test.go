package server

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKeyIsMadeOnceAndForNobodyElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	first, err := openKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := openKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(first) != 32 || !bytes.Equal(first, again) || bytes.Equal(first, make([]byte, 32)) {
		t.Errorf("keys %x and %x", first, again)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestKeyOfAWrongLengthIsRefusedAndLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openKeys(path); err == nil || !strings.Contains(err.Error(), "5 bytes instead of 32") {
		t.Errorf("a short key: %v", err)
	}
	if data, _ := os.ReadFile(path); string(data) != "short" {
		t.Error("the key file was changed")
	}
	if _, err := openKeys(filepath.Join(path, "below")); err == nil {
		t.Error("a key file that cannot be read is no mistake")
	}
}

func TestEachPurposeHasItsOwnKey(t *testing.T) {
	k, other := keyring(bytes.Repeat([]byte{1}, 32)), keyring(bytes.Repeat([]byte{2}, 32))
	if !bytes.Equal(k.derive("store"), k.derive("store")) || len(k.derive("store")) != 32 {
		t.Error("a purpose has not always the same key of 32 bytes")
	}
	if bytes.Equal(k.derive("store"), k.derive("logs")) || bytes.Equal(k.derive("store"), other.derive("store")) || bytes.Equal(k.derive("store"), k) {
		t.Error("two keys are the same")
	}
}
