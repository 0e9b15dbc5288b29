package cloister

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"math/big"
	"slices"
	"strings"
	"time"
)

// A Key is a public key of SSH, by which its owner comes to git. Platform writes all of it; nothing of it changes.
type Key struct {
	ID          string
	UserID      string
	Email       string // of the user
	Public      string // "ssh-ed25519 AAAA…": type and key alone, as two people cannot have the same
	Comment     string // behind it in the file; "" if there was none
	Fingerprint string // MD5, "17:63:a4:…", as the API tells it
	CreatedAt   time.Time
}

// keyTypes are the types of keys that are taken: DSA is broken, and certificates are nobody's own.
var keyTypes = []string{"ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
	"sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"}

// minRSA is the least length of an RSA key, in bits: what OpenSSH generated at least for years.
const minRSA = 2048

// ParseKey reads a line of a public key file: "ssh-ed25519 AAAA… ada@laptop". Anything else is Invalid.
func ParseKey(line string) (Key, error) {
	bad := Errorf(Invalid, "This is no public key of SSH, such as the line in ~/.ssh/id_ed25519.pub: \"ssh-ed25519 AAAA… name\".")
	f := strings.Fields(line)
	if strings.Contains(line, "PRIVATE KEY") {
		return Key{}, Errorf(Invalid, "This is a private key. Nobody else may see it; upload the file whose name ends in .pub.")
	}
	if len(f) < 2 || strings.ContainsAny(strings.TrimSpace(line), "\r\n") || len(line) > 16<<10 {
		return Key{}, bad
	}
	if !slices.Contains(keyTypes, f[0]) {
		return Key{}, Errorf(Invalid, "Keys of the type %.40q are not taken. Use one of %s.", f[0], strings.Join(keyTypes, ", "))
	}
	blob, err := base64.StdEncoding.DecodeString(f[1])
	if err != nil {
		return Key{}, bad
	}
	parts, ok := fields(blob)
	if !ok || len(parts) < 2 || string(parts[0]) != f[0] {
		return Key{}, bad
	}
	if f[0] == "ssh-rsa" {
		if len(parts) != 3 {
			return Key{}, bad
		}
		if bits := new(big.Int).SetBytes(parts[2]).BitLen(); bits < minRSA {
			return Key{}, Errorf(Invalid, "This RSA key has %d bits, and must have %d at least. Make another one: `ssh-keygen -t ed25519`.", bits, minRSA)
		}
	}
	sum := md5.Sum(blob)
	digits := slices.Collect(slices.Chunk([]byte(hex.EncodeToString(sum[:])), 2))
	return Key{Public: f[0] + " " + base64.StdEncoding.EncodeToString(blob), Comment: Words(strings.Join(f[2:], " "), 200), Fingerprint: string(bytes.Join(digits, []byte(":")))}, nil
}

// fields are the strings that a key consists of, each behind its length (RFC 4251, 5).
func fields(b []byte) (out [][]byte, ok bool) {
	for len(b) > 0 {
		if len(b) < 4 {
			return nil, false
		}
		n := binary.BigEndian.Uint32(b)
		if b = b[4:]; uint64(n) > uint64(len(b)) {
			return nil, false
		}
		out, b = append(out, b[:n]), b[n:]
	}
	return out, true
}
