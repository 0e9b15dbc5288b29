package store

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/cloister-dev/cloister"
)

// newSeal makes what seals secrets with a key of 32 bytes (AES-256-GCM).
func newSeal(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("sealing key: %w", err)
	}
	return cipher.NewGCM(block)
}

func seal(with cipher.AEAD, plain []byte) []byte {
	nonce := make([]byte, with.NonceSize())
	rand.Read(nonce)
	return with.Seal(nonce, nonce, plain, nil)
}

func unseal(with cipher.AEAD, b []byte) ([]byte, error) {
	if len(b) < with.NonceSize() {
		return nil, fmt.Errorf("unseal: %d bytes are too few", len(b))
	}
	plain, err := with.Open(nil, b[:with.NonceSize()], b[with.NonceSize():], nil)
	if err != nil {
		return nil, fmt.Errorf("unseal config vars: the key file does not belong to this database: %w", err)
	}
	return plain, nil
}

// sealed is a column value: config vars, encrypted and authenticated.
func (tx *Tx) sealed(vars map[string]cloister.Secret) []byte {
	plain := make(map[string]string, len(vars))
	for k, v := range vars {
		plain[k] = v.Reveal()
	}
	return seal(tx.store.seal, []byte(doc(plain)))
}

// unsealed scans sealed config vars.
type unsealed struct {
	tx *Tx
	v  *map[string]cloister.Secret
}

func (u unsealed) Scan(src any) error {
	b, ok := src.([]byte)
	if !ok {
		return fmt.Errorf("scan %T into sealed config vars", src)
	}
	plain, err := unseal(u.tx.store.seal, b)
	if err != nil {
		return err
	}
	vars := map[string]string{}
	if err := json.Unmarshal(plain, &vars); err != nil {
		return err
	}
	*u.v = make(map[string]cloister.Secret, len(vars))
	for k, v := range vars {
		(*u.v)[k] = cloister.Secret(v)
	}
	return nil
}

// keptPrefix is how the settings are called that are sealed.
const keptPrefix = "sealed:"

// Kept is a secret that stays when the sealing key is replaced. The first time it is what is given.
func (s *Store) Kept(ctx context.Context, name string, initially []byte) (out []byte, err error) {
	err = s.Update(ctx, func(tx *Tx) error {
		text, err := tx.Setting(keptPrefix + name)
		if err != nil {
			return err
		}
		if text == "" {
			out = initially
			return tx.SetSetting(keptPrefix+name, base64.StdEncoding.EncodeToString(seal(s.seal, initially)))
		}
		b, err := base64.StdEncoding.DecodeString(text)
		if err == nil {
			out, err = unseal(s.seal, b)
		}
		return err
	})
	return out, err
}

// auditSecret is the kept secret that seals events.
const auditSecret = "audit trail"

// Fits is nil if the store's key is the one that its secrets are sealed with.
func (s *Store) Fits(ctx context.Context) error {
	_, err := s.Kept(ctx, auditSecret, s.auditKey)
	return err
}

// sealedColumns are all that hold secrets, with the columns that a row is known by.
var sealedColumns = []struct{ table, keys, column string }{
	{"apps", "id", "config"},
	{"releases", "id", "config"},
	{"runs", "id", "env"},
	{"drains", "id", "url"},
	{"space_drains", "space_id", "url"},
	{"webhooks", "id", "address"},
	{"second_factors", "user_id", "secret"},
	{"pipeline_config", "pipeline_id stage", "config"},
	{"oauth_clients", "id", "secret"},
	{"endpoints", "id", "secret"},
	{"services", "id", "secret"},
	{"addons", "id", "options"},
	{"addons", "id", "secrets"},
	{"addon_configs", "addon_id namespace", "vars"},
	{"credentials", "addon_id name", "secret"},
	{"transfers", "id", "source"},
}

// Reseal seals all secrets with another key of 32 bytes, at once or not at all. From then on the store wants that key: this
// one, whose key is the old one, is to be closed.
func (s *Store) Reseal(ctx context.Context, key []byte) error {
	with, err := newSeal(key)
	if err != nil {
		return err
	}
	again := func(b []byte) ([]byte, error) {
		plain, err := unseal(s.seal, b)
		if err != nil {
			return nil, err
		}
		return seal(with, plain), nil
	}
	return s.Update(ctx, func(tx *Tx) error {
		for _, c := range sealedColumns {
			if err := tx.resealColumn(c.table, strings.Fields(c.keys), c.column, again); err != nil {
				return fmt.Errorf("seal %s of %s anew: %w", c.column, c.table, err)
			}
		}
		kept, err := many(tx, value[string], `SELECT name FROM settings`)
		if err != nil {
			return err
		}
		for _, name := range kept {
			if !strings.HasPrefix(name, keptPrefix) {
				continue
			}
			text, err := tx.Setting(name)
			if err != nil {
				return err
			}
			b, err := base64.StdEncoding.DecodeString(text)
			if err == nil {
				b, err = again(b)
			}
			if err == nil {
				err = tx.SetSetting(name, base64.StdEncoding.EncodeToString(b))
			}
			if err != nil {
				return fmt.Errorf("seal %s anew: %w", name, err)
			}
		}
		return tx.Event("sealing_key", "", "update", "All secrets are sealed with another key")
	})
}

// resealColumn seals a column anew, row by row: the secrets of an installation need not be in memory at once.
func (tx *Tx) resealColumn(table string, keys []string, column string, again func([]byte) ([]byte, error)) error {
	scan := func(_ *Tx, r row) ([]any, error) {
		key, into := make([]string, len(keys)), make([]any, len(keys))
		for i := range key {
			into[i] = &key[i]
		}
		err := r.Scan(into...)
		for i, k := range key {
			into[i] = k
		}
		return into, err
	}
	all, err := many(tx, scan, `SELECT `+strings.Join(keys, ", ")+` FROM `+table)
	if err != nil {
		return err
	}
	where := make([]string, len(keys))
	for i, k := range keys {
		where[i] = fmt.Sprintf("%s = $%d", k, i+1)
	}
	of := ` WHERE ` + strings.Join(where, " AND ")
	for _, key := range all {
		b, err := one(tx, table, value[[]byte], `SELECT `+column+` FROM `+table+of, key...)
		if err == nil {
			b, err = again(b)
		}
		if err == nil {
			err = tx.exec(fmt.Sprintf(`UPDATE %s SET %s = $%d`, table, column, len(keys)+1)+of, append(key, b)...)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
