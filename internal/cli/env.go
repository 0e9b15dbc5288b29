package cli

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// A setting is one environment variable.
type setting struct{ Name, Value string }

// toolSettings are the environment in which Heroku's CLI, git and Terraform speak to our server. base is where Heroku's
// CLI reaches it: that sends its token only to localhost, so for a server elsewhere base is a forwarder.
func (s *Session) toolSettings(base string) ([]setting, error) {
	b, err := url.Parse(base)
	if err != nil || b.Host == "" {
		return nil, fmt.Errorf("%q is not an address such as http://localhost:5100", base)
	}
	server, err := url.Parse(s.config.URL)
	if err != nil || server.Host == "" {
		return nil, fmt.Errorf("%q is not the address of a server", s.config.URL)
	}
	var out []setting
	set := func(name, value string) {
		if value != "" {
			out = append(out, setting{name, value})
		}
	}
	set("HEROKU_HOST", base)
	set("HEROKU_PARTICLEBOARD_URL", base)
	set("HEROKU_LOGIN_HOST", base)
	set("HEROKU_DATA_HOST", b.Hostname()) // a name alone: the port is that of HEROKU_HOST
	set("HEROKU_BUILDPACK_REGISTRY_URL", base)
	set("HEROKU_STATUS_HOST", base)
	set("HEROKU_EXEC_URL", "https://"+server.Host)
	if server.Host != b.Host {
		set("HEROKU_GIT_HOST", server.Host) // git may go anywhere, and remotes must outlive a forwarder
	}
	set("HEROKU_API_URL", s.config.URL) // Terraform's
	set("HEROKU_API_KEY", s.config.Token)
	set("HEROKU_EMAIL", s.config.Email)
	node, err := s.nodeOptions()
	if err != nil {
		return nil, err
	}
	set("NODE_OPTIONS", node)
	set("DISABLE_TELEMETRY", "true")
	set("HEROKU_SKIP_NEW_VERSION_CHECK", "true")
	set("HEROKU_DISABLE_AUTOUPDATE", "true") // it would fetch another version from elsewhere
	if s.getenv("http_proxy")+s.getenv("HTTP_PROXY")+s.getenv("https_proxy")+s.getenv("HTTPS_PROXY") != "" {
		set("NO_PROXY", withLoopback(first(s.getenv("NO_PROXY"), s.getenv("no_proxy"))))
	}
	trust, err := s.trustSettings(server)
	return append(out, trust...), err
}

// trustSettings make the tools trust the server's CA, beside those that they trust already.
func (s *Session) trustSettings(server *url.URL) ([]setting, error) {
	if s.config.CA == "" {
		return nil, nil
	}
	dir, node := filepath.Dir(s.file), s.config.CA // which adds to Node's own
	if now := s.getenv("NODE_EXTRA_CA_CERTS"); now != "" && now != node {
		// Somebody has added another, of a company's proxy perhaps: both are needed.
		both := filepath.Join(dir, "node-ca.pem")
		if ok, err := writeBundle(both, s.config.CA, now, nil); err != nil {
			return nil, err
		} else if ok {
			node = both
		}
	}
	out := []setting{{"NODE_EXTRA_CA_CERTS", node}}
	bundle := filepath.Join(dir, "ca-bundle.pem")
	ok, err := writeBundle(bundle, s.config.CA, s.getenv("GIT_SSL_CAINFO"), append([]string{s.getenv("SSL_CERT_FILE")}, systemBundles...))
	if err != nil {
		return nil, err
	}
	if !ok {
		// This system keeps its CAs elsewhere than in a file: tell git alone, and for our server alone.
		n, _ := strconv.Atoi(s.getenv("GIT_CONFIG_COUNT"))
		i := strconv.Itoa(n)
		return append(out, setting{"GIT_CONFIG_COUNT", strconv.Itoa(n + 1)},
			setting{"GIT_CONFIG_KEY_" + i, "http.https://" + server.Host + "/.sslCAInfo"},
			setting{"GIT_CONFIG_VALUE_" + i, s.config.CA}), nil
	}
	out = append(out, setting{"GIT_SSL_CAINFO", bundle}) // replaces git's own, hence the bundle
	if server.Scheme == "https" && runtime.GOOS == "linux" {
		out = append(out, setting{"SSL_CERT_FILE", bundle}) // for Terraform, whose TLS is Go's
	}
	return out, nil
}

// withLoopback is a NO_PROXY that names this machine too, and what leads to it: no proxy reaches that.
func withLoopback(no string) string {
	hosts := strings.FieldsFunc(no, func(r rune) bool { return r == ',' || r == ' ' })
	for _, h := range append([]string{"localhost", "127.0.0.1"}, strays...) {
		found := false
		for _, have := range hosts {
			found = found || have == h
		}
		if !found {
			hosts = append(hosts, h)
		}
	}
	return strings.Join(hosts, ",")
}

type env struct {
	Shell string `enum:"sh,fish,powershell,auto" default:"auto" placeholder:"SHELL" help:"sh, fish or powershell; else the one in use."`
	Host  string `placeholder:"URL" help:"Where Heroku's CLI is to reach the server, if not directly."`
}

// Run prints the environment in the form of a shell.
func (c *env) Run(_ context.Context, s *Session) error {
	if s.broken != nil {
		return s.broken
	}
	base, elsewhere := c.Host, false
	if base == "" {
		base, elsewhere = s.localBase()
	}
	settings, err := s.toolSettings(base)
	if err != nil {
		return err
	}
	shell := c.Shell
	if shell == "auto" {
		shell = "sh"
		if runtime.GOOS == "windows" {
			shell = "powershell"
		} else if filepath.Base(s.getenv("SHELL")) == "fish" {
			shell = "fish"
		}
	}
	for _, e := range settings {
		switch shell {
		case "fish":
			s.Term.Line("set -gx %s '%s';", e.Name, strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(e.Value))
		case "powershell":
			s.Term.Line("$Env:%s = '%s'", e.Name, strings.ReplaceAll(e.Value, "'", "''"))
		default:
			s.Term.Line("export %s='%s'", e.Name, strings.ReplaceAll(e.Value, "'", `'\''`))
		}
	}
	if elsewhere {
		s.Term.Line("# Heroku's CLI sends its token to localhost alone: keep 'cloister forward' running in another terminal,\n# or run it as 'cloister heroku -- ...', which forwards by itself.")
	}
	how := map[string]string{"sh": `eval "$(cloister env)"`, "fish": "cloister env --shell fish | source",
		"powershell": "cloister env --shell powershell | Out-String | Invoke-Expression"}[shell]
	s.Term.Line("# Run this to set up your shell:\n# %s", how)
	return nil
}

// localBase is the address under which Heroku's CLI sends its token to our server: that of the server, if it is on this
// machine, else that of 'cloister forward'.
func (s *Session) localBase() (base string, elsewhere bool) {
	u, err := url.Parse(s.config.URL)
	if err != nil || !loopback(u.Hostname()) {
		return DefaultURL, true
	}
	if h := u.Hostname(); h != "localhost" && h != "127.0.0.1" {
		u.Host = "localhost"
		if p := u.Port(); p != "" {
			u.Host += ":" + p
		}
	}
	return u.Scheme + "://" + u.Host, false
}
