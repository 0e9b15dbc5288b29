package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon"
)

// A credential is two kinds of roles. Its role, which has the name that rights are granted to, owns what is made by it and
// never logs in. Clients log in as a role that belongs to a password, and are the credential's role from then on: so there
// can be two passwords while one is rotated, and nothing changes its owner.

// taken are names of roles that are not to be had.
var taken = regexp.MustCompile(`^(postgres|heroku|public|none|pg_.*|pgautofailover.*|autoctl.*|pgbouncer|cloister.*|current_.*|session_user|user|u[0-9a-f]{14})$`)

// role is the name of a credential's role: the credential's, as on Heroku, unless that has another meaning.
func role(c cloister.Credential) string {
	if c.Name != cloister.DefaultCredential && taken.MatchString(c.User) {
		return "credential_" + c.User
	}
	return c.User
}

// login is the role that a password of a credential is of. Names of credentials have no dots.
func login(c cloister.Credential, password cloister.Secret) string {
	sum := sha256.Sum256([]byte(c.User + "\x00" + password.Reveal()))
	if c.Name == cloister.DefaultCredential {
		return "u" + hex.EncodeToString(sum[:7])
	}
	return role(c) + "." + hex.EncodeToString(sum[:4])
}

// owner is the role that owns the database.
func owner(s addon.Spec) (cloister.Credential, bool) {
	for _, c := range s.Credentials {
		if c.Name == cloister.DefaultCredential {
			return c, true
		}
	}
	return cloister.Credential{}, false
}

// Config are the addresses of the database, one for each credential that is not on its way out.
func (Kind) Config(s addon.Spec) map[string]map[string]cloister.Secret {
	out := map[string]map[string]cloister.Secret{}
	for _, c := range s.Credentials {
		if c.State != cloister.CredentialRevoking {
			out[c.Namespace()] = map[string]cloister.Secret{"HEROKU_POSTGRESQL_URL": URL(s, c, Port)}
		}
	}
	return out
}

// URL is where a database is for a credential, at Port, or through the pooler at PoolerPort.
func URL(s addon.Spec, c cloister.Credential, port int) cloister.Secret {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(login(c, c.Password), c.Password.Reveal()),
		Host: fmt.Sprintf("%s:%d", s.Addon.LocalName(), port), Path: "/" + database(s)}
	return cloister.Secret(u.String())
}

// name quotes a name in SQL, and text a string.
func name(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
func text(s string) string { return `'` + strings.ReplaceAll(s, `'`, `''`) + `'` }
