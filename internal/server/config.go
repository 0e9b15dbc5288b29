// Package server puts Cloister together: it reads the configuration, makes each part with what it needs, and runs
// the three processes (node, control and router) and their supervisor. It is the only package that knows all others
// and the only one that reads the environment.
package server

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/cloister-dev/cloister"
)

// Config is all that an operator can set. It is read from a TOML file, then from CLOISTER_* variables (the name of a
// key in capitals: CLOISTER_APP_DOMAIN), and validated once, at start.
type Config struct {
	Listen    string `toml:"listen"`     // API and git, plain HTTP and TLS on one port
	HTTP      string `toml:"http"`       // the router's address for HTTP
	HTTPS     string `toml:"https"`      // and for TLS
	AppDomain string `toml:"app_domain"` // host names of apps are under it
	DNSSuffix string `toml:"dns_suffix"` // what custom domains point to is under it; "" is app_domain
	State     string `toml:"state"`      // directory of everything that is kept
	Run       string `toml:"run"`        // directory of sockets and mounts, gone after a reboot
	Name      string `toml:"name"`       // marks our namespaces, tables and control groups on this machine
	Database  string `toml:"database"`   // "postgres://…", or "" for SQLite in the state directory
	Engine    string `toml:"engine"`     // "local", or "fake" to work on the API without running anything

	Hostnames  []string `toml:"hostnames"`   // more names and addresses that the API is reached by, for its certificate
	APITrusted []string `toml:"api_trusted"` // ranges of clients that API, git and terminals are answered to; none: everybody
	Zones      []string `toml:"zones"`       // parts of this machine that dynos are spread over

	OutboundPool       string   `toml:"outbound_pool"`       // stable outbound addresses of spaces
	OutboundMasquerade bool     `toml:"outbound_masquerade"` // the pool is known to this machine only
	IngressPool        []string `toml:"ingress_pool"`        // addresses that lead to one space each; none: the machine's for all
	SMTP               bool     `toml:"smtp"`                // dynos may send mail, on port 25
	TwoPeople          bool     `toml:"two_people"`          // two administrators must agree to destroy a space
	DailyRestarts      bool     `toml:"daily_restarts"`      // dynos are restarted daily, unless their app says otherwise
	DrainPrivate       bool     `toml:"drain_private"`       // log drains and webhooks may lead to private addresses, and to this machine
	DynoRequests       int      `toml:"dyno_requests"`       // at once, for each web dyno of an app, before others are refused (H11); 0: no limit
	Transit            string   `toml:"transit"`             // how the router reaches dynos; seen by nobody else
	Balancers          []string `toml:"balancers"`           // load balancers in front of the router
	HTTP3              bool     `toml:"http3"`               // the router speaks it too, over UDP at the port of https
	ProxyProtocol      bool     `toml:"proxy_protocol"`      // they speak the PROXY protocol instead of sending X-Forwarded-For
	Containerd         string   `toml:"containerd"`          // socket of a containerd to use instead of our own
	BuildEnv           []string `toml:"build_env"`           // names of variables of this machine that builds get
	CABundle           string   `toml:"ca_bundle"`           // certificates that builds, log drains and webhooks trust; "" finds the machine's

	ControlUID int `toml:"control_uid"` // whom control runs as
	RouterUID  int `toml:"router_uid"`  // whom the router runs as: the only one who may reach dynos

	AdminEmail string `toml:"admin_email"` // of the first administrator
	AdminTeam  string `toml:"admin_team"`  // the first team

	ACMEDirectory string `toml:"acme_directory"`  // address of an ACME server that certificates are got from; "": none are
	ACMEEmail     string `toml:"acme_email"`      // that it tells of trouble
	ACMERoots     string `toml:"acme_roots"`      // file of certificates that it is trusted by; "": the machine's
	ACMEHook      string `toml:"acme_dns_hook"`   // program that changes the DNS for it: PROGRAM add|remove NAME TEXT
	ACMEServer    string `toml:"acme_dns_server"` // or the DNS server that takes dynamic updates
	ACMEKey       string `toml:"acme_dns_key"`    // file with the key for those: NAME ALGORITHM SECRET

	SSOIssuer     string `toml:"sso_issuer"`        // address of an OpenID Connect provider that people sign in by; "": there is none
	SSOName       string `toml:"sso_name"`          // of the provider, for people
	SSOClientID   string `toml:"sso_client_id"`     // that the provider knows us by
	SSOSecretFile string `toml:"sso_client_secret"` // file with the secret for it, which control can read
	SSOTeam       string `toml:"sso_team"`          // those join it who come by the provider and have no account; "": nobody gets one by it
	SSORole       string `toml:"sso_role"`          // that they have there: admin, member or viewer
	SSOOnly       bool   `toml:"sso_only"`          // passwords are for operators alone
	SSOTrustEmail bool   `toml:"sso_trust_email"`   // addresses are people's own that the provider does not call verified

	Networks []Network `toml:"networks"` // that spaces may be peered with; from the file alone
}

// Default is the configuration of a server that nobody configured.
func Default() Config {
	return Config{
		Listen: "127.0.0.1:5100", HTTP: ":8080", HTTPS: ":8443", AppDomain: "apps.localhost",
		State: "/var/lib/cloister", Run: "/run/cloister", Name: "cloister", Engine: "local",
		Zones: []string{"a", "b", "c"},
		// From the range for benchmarks (RFC 2544), which no network uses: good for a machine on its own, where the
		// outside sees the machine's address. An operator with addresses of their own sets both keys.
		OutboundPool: "198.18.0.0/16", OutboundMasquerade: true, Transit: "100.64.0.0/10", DynoRequests: 200,
		BuildEnv: []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
			"npm_config_registry", "PIP_INDEX_URL", "GOPROXY", "GONOSUMDB", "GOSUMDB", "GOFLAGS"},
		ControlUID: 61000, RouterUID: 61001,
		AdminEmail: "admin@localhost.localdomain", AdminTeam: "my-team",
		SSOName: "single sign-on", SSORole: "member",
	}
}

// Load reads the configuration: defaults, then the file if path is not "", then the environment. A file named by
// path must exist; the default one may be missing.
func Load(path string, env []string) (Config, error) {
	c := Default()
	required := path != ""
	if path == "" {
		path = "/etc/cloister/config.toml"
	}
	meta, err := toml.DecodeFile(path, &c)
	if err != nil && (required || !errors.Is(err, os.ErrNotExist)) {
		return c, fmt.Errorf("read configuration %s: %w", path, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return c, fmt.Errorf("read configuration %s: there is no key %q", path, unknown[0])
	}
	if err := c.environment(env); err != nil {
		return c, err
	}
	return c, c.validate()
}

// environment overlays the CLOISTER_* variables.
func (c *Config) environment(env []string) error {
	vars := map[string]string{}
	for _, e := range env {
		if k, v, ok := strings.Cut(e, "="); ok {
			vars[k] = v
		}
	}
	v := reflect.ValueOf(c).Elem()
	for i := range v.NumField() {
		name := "CLOISTER_" + strings.ToUpper(v.Type().Field(i).Tag.Get("toml"))
		s, ok := vars[name]
		if !ok {
			continue
		}
		switch f := v.Field(i); f.Kind() {
		case reflect.String:
			f.SetString(s)
		case reflect.Bool:
			b, err := strconv.ParseBool(s)
			if err != nil {
				return fmt.Errorf("%s=%q is not true or false", name, s)
			}
			f.SetBool(b)
		case reflect.Int:
			n, err := strconv.Atoi(s)
			if err != nil {
				return fmt.Errorf("%s=%q is not a number", name, s)
			}
			f.SetInt(int64(n))
		case reflect.Slice:
			if f.Type().Elem().Kind() != reflect.String {
				return fmt.Errorf("%s can only be set in the configuration file", name)
			}
			f.Set(reflect.ValueOf(strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })))
		}
	}
	return nil
}

func (c *Config) validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
	}
	for key, addr := range map[string]string{"listen": c.Listen, "http": c.HTTP, "https": c.HTTPS} {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			bad(key, "%q is not an address such as 127.0.0.1:5100", addr)
		}
	}
	for key, dir := range map[string]string{"state": c.State, "run": c.Run} {
		if !filepath.IsAbs(dir) {
			bad(key, "%q is not an absolute path", dir)
		}
	}
	if p, err := netip.ParsePrefix(c.OutboundPool); c.OutboundPool != "" && (err != nil || !p.Addr().Is4()) {
		bad("outbound_pool", "%q is not an IPv4 range", c.OutboundPool)
	}
	if p, err := netip.ParsePrefix(c.Transit); err != nil || !p.Addr().Is4() || p.Bits() > 16 {
		bad("transit", "%q is not an IPv4 range of a /16 or more", c.Transit)
	}
	for key, ranges := range map[string][]string{"api_trusted": c.APITrusted, "balancers": c.Balancers} {
		for _, r := range ranges {
			switch p, err := netip.ParsePrefix(r); {
			case err != nil:
				bad(key, "%q is not an IP range", r)
			case p.Addr().Is4In6():
				bad(key, "%s is an IPv4-mapped IPv6 range; write it as IPv4", r)
			case p.Bits() == 0 && key == "balancers":
				bad(key, "%s is everybody, whose word would then be taken; name the balancers", r)
			}
		}
	}
	if c.ProxyProtocol && len(c.Balancers) == 0 {
		bad("proxy_protocol", "needs balancers: it is taken from nobody else")
	}
	if c.HTTP3 && len(c.Balancers) > 0 {
		bad("http3", "does not go with balancers: they do not say whom UDP is from")
	}
	c.validateNetworks(bad)
	if c.Engine != "local" && c.Engine != "fake" {
		bad("engine", "%q is not an engine; use local or fake", c.Engine)
	}
	if c.Name == "" || len(c.Name) > 10 || strings.Trim(c.Name, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		bad("name", "%q must be 1 to 10 lower-case letters and digits", c.Name)
	}
	if len(c.Zones) == 0 {
		bad("zones", "at least one is needed")
	}
	if c.ControlUID <= 0 || c.RouterUID <= 0 || c.ControlUID == c.RouterUID {
		bad("control_uid, router_uid", "must be two different users other than root")
	}
	if err := cloister.ValidEmail(c.AdminEmail); err != nil {
		bad("admin_email", "%s", err)
	}
	if err := cloister.ValidTeamName(c.AdminTeam); err != nil {
		bad("admin_team", "%s", err)
	}
	c.validateSSO(bad)
	c.validateACME(bad)
	if len(errs) > 0 {
		return fmt.Errorf("configuration: %w", errors.Join(errs...))
	}
	return nil
}

// Print writes the configuration in force as TOML, with a password in the database's address left out.
func (c Config) Print(w io.Writer) error {
	c.Database = withoutPassword(c.Database)
	return toml.NewEncoder(w).Encode(c)
}

// withoutPassword is the address of a database as it may be shown.
func withoutPassword(dsn string) string {
	if !strings.Contains(dsn, "://") {
		return dsn // a file
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return "[secret]"
	}
	q := u.Query()
	for _, key := range []string{"password", "sslpassword"} {
		if q.Has(key) {
			q.Set(key, "xxxxx")
		}
	}
	u.RawQuery = q.Encode()
	return u.Redacted()
}
