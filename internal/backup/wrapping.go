package backup

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"

	"filippo.io/age"

	"github.com/cloister-dev/cloister"
)

// A Lock is what a backup is encrypted with and opened by: a key, or a passphrase.
type Lock struct {
	recipient age.Recipient
	identity  age.Identity
}

// ByKey locks with a key of 32 bytes.
func ByKey(key []byte) Lock { return Lock{wrapping(key), wrapping(key)} }

// minPassphrase is how long a passphrase must be at least: whoever has the file has all the time in the world to guess it.
const minPassphrase = 16

// ByPassphrase locks with a passphrase (scrypt, with the cost that age chose).
func ByPassphrase(passphrase cloister.Secret) (Lock, error) {
	if len(passphrase) < minPassphrase {
		return Lock{}, cloister.Errorf(cloister.Invalid, "The passphrase of a backup must have at least %d characters: it is all that the backup, and the key in it, is safe by.", minPassphrase)
	}
	r, err := age.NewScryptRecipient(passphrase.Reveal())
	if err != nil {
		return Lock{}, err
	}
	i, err := age.NewScryptIdentity(passphrase.Reveal())
	return Lock{r, i}, err
}

// A wrapping is a key that the keys of backups are encrypted with (AES-256-GCM): a recipient and an identity of age in one.
type wrapping []byte

// stanza is what age calls the place of a wrapped key; its one argument is the nonce, in base64.
const stanza = "cloister/backup-1"

func (k wrapping) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// Wrap encrypts the key of a file.
func (k wrapping) Wrap(key []byte) ([]*age.Stanza, error) {
	aead, err := k.aead()
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	return []*age.Stanza{{Type: stanza, Args: []string{base64.RawStdEncoding.EncodeToString(nonce)}, Body: aead.Seal(nil, nonce, key, []byte(stanza))}}, nil
}

// Unwrap decrypts it.
func (k wrapping) Unwrap(all []*age.Stanza) ([]byte, error) {
	aead, err := k.aead()
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		if s.Type != stanza || len(s.Args) != 1 {
			continue
		}
		nonce, err := base64.RawStdEncoding.DecodeString(s.Args[0])
		if err != nil || len(nonce) != aead.NonceSize() {
			return nil, errors.New("its head is damaged")
		}
		if key, err := aead.Open(nil, nonce, s.Body, []byte(stanza)); err == nil {
			return key, nil
		}
	}
	return nil, age.ErrIncorrectIdentity
}
