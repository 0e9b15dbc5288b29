package server

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
)

// file writes a configuration file.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaultsAreRight(t *testing.T) {
	c := Default()
	if err := c.validate(); err != nil {
		t.Error(err)
	}
}

func TestEnvironmentBeatsTheFileAndTheFileBeatsTheDefaults(t *testing.T) {
	path := file(t, `
listen = "127.0.0.1:1"
app_domain = "file.example"
zones = ["x", "y"]
outbound_masquerade = false
control_uid = 70000
`)
	c, err := Load(path, []string{"CLOISTER_APP_DOMAIN=env.example", "CLOISTER_ZONES=p,q r", "CLOISTER_UNKNOWN=1", "NOT_EVEN"})
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Listen, want.AppDomain, want.Zones = "127.0.0.1:1", "env.example", []string{"p", "q", "r"}
	want.OutboundMasquerade, want.ControlUID = false, 70000
	if d := cmp.Diff(want, c); d != "" {
		t.Error(d)
	}
}

func TestEveryFieldCanBeSetInTheEnvironment(t *testing.T) {
	right := map[string]string{"transit": "100.99.0.0/16", "outbound_pool": "192.0.2.0/24", "engine": "fake"}
	typ := reflect.TypeFor[Config]()
	for i := range typ.NumField() {
		key := typ.Field(i).Tag.Get("toml")
		if key == "" {
			t.Fatalf("%s has no key", typ.Field(i).Name)
		}
		if key == "networks" { // tables are for the file
			if err := new(Config).environment([]string{"CLOISTER_NETWORKS=office"}); err == nil || !strings.Contains(err.Error(), "CLOISTER_NETWORKS can only be set in the configuration file") {
				t.Errorf("networks in the environment: %v", err)
			}
			continue
		}
		var value string
		var want any
		switch typ.Field(i).Type.Kind() {
		case reflect.String:
			value = "of " + key
			if v, ok := right[key]; ok {
				value = v
			}
			want = value
		case reflect.Bool:
			value, want = "false", false
		case reflect.Int:
			value, want = "4711", 4711
		case reflect.Slice:
			value, want = "one, two", []string{"one", "two"}
		default:
			t.Fatalf("%s is of a kind that the environment cannot set", key)
		}
		c := Default()
		if err := c.environment([]string{"CLOISTER_" + strings.ToUpper(key) + "=" + value}); err != nil {
			t.Errorf("%s: %v", key, err)
			continue
		}
		if d := cmp.Diff(want, reflect.ValueOf(c).Field(i).Interface()); d != "" {
			t.Errorf("%s: %s", key, d)
		}
	}
}

func TestWrongConfigurationIsRefusedInWords(t *testing.T) {
	for _, c := range []struct{ name, env, want string }{
		{"bool", "CLOISTER_OUTBOUND_MASQUERADE=maybe", `CLOISTER_OUTBOUND_MASQUERADE="maybe" is not true or false`},
		{"number", "CLOISTER_CONTROL_UID=root", `CLOISTER_CONTROL_UID="root" is not a number`},
		{"listen", "CLOISTER_LISTEN=5100", `listen: "5100" is not an address such as 127.0.0.1:5100`},
		{"http", "CLOISTER_HTTP=80", `http: "80" is not an address`},
		{"https", "CLOISTER_HTTPS=", `https: "" is not an address`},
		{"state", "CLOISTER_STATE=var", `state: "var" is not an absolute path`},
		{"run", "CLOISTER_RUN=./run", `run: "./run" is not an absolute path`},
		{"pool", "CLOISTER_OUTBOUND_POOL=198.18.0.1", `outbound_pool: "198.18.0.1" is not an IPv4 range`},
		{"pool of IPv6", "CLOISTER_OUTBOUND_POOL=2001:db8::/32", `outbound_pool: "2001:db8::/32" is not an IPv4 range`},
		{"ingress", "CLOISTER_INGRESS_POOL=192.0.2.1", `ingress_pool: "192.0.2.1" is not an IP range such as 192.0.2.0/28`},
		{"mapped ingress", "CLOISTER_INGRESS_POOL=::ffff:192.0.2.0/120", `ingress_pool: "::ffff:192.0.2.0/120" is not an IP range`},
		{"host bits of ingress", "CLOISTER_INGRESS_POOL=192.0.2.1/28", `ingress_pool: 192.0.2.1/28 has host bits set; did you mean 192.0.2.0/28?`},
		{"ingress is outbound", "CLOISTER_INGRESS_POOL=198.18.4.0/24", `ingress_pool: 198.18.4.0/24 overlaps outbound_pool`},
		{"ingress twice", "CLOISTER_INGRESS_POOL=192.0.2.0/28 192.0.2.8/29", `ingress_pool: 192.0.2.8/29 overlaps 192.0.2.0/28`},
		{"smtp", "CLOISTER_SMTP=perhaps", `CLOISTER_SMTP="perhaps" is not true or false`},
		{"transit", "CLOISTER_TRANSIT=100.64.0.0/24", `transit: "100.64.0.0/24" is not an IPv4 range of a /16 or more`},
		{"balancers", "CLOISTER_BALANCERS=10.0.0.0/8,here", `balancers: "here" is not an IP range`},
		{"balancers", "CLOISTER_BALANCERS=::ffff:10.0.0.0/104", `balancers: ::ffff:10.0.0.0/104 is an IPv4-mapped IPv6 range; write it as IPv4`},
		{"balancers", "CLOISTER_BALANCERS=0.0.0.0/0", `balancers: 0.0.0.0/0 is everybody, whose word would then be taken; name the balancers`},
		{"api_trusted", "CLOISTER_API_TRUSTED=10.0.0.0/8,office", `api_trusted: "office" is not an IP range`},
		{"api_trusted", "CLOISTER_API_TRUSTED=::ffff:10.0.0.0/104", `api_trusted: ::ffff:10.0.0.0/104 is an IPv4-mapped IPv6 range; write it as IPv4`},
		{"http3", "CLOISTER_HTTP3=true; CLOISTER_BALANCERS=10.0.0.0/8", `http3: does not go with balancers: they do not say whom UDP is from`},
		{"proxy_protocol", "CLOISTER_PROXY_PROTOCOL=true", `proxy_protocol: needs balancers: it is taken from nobody else`},
		{"engine", "CLOISTER_ENGINE=docker", `engine: "docker" is not an engine; use local or fake`},
		{"name", "CLOISTER_NAME=Mine", `name: "Mine" must be 1 to 10 lower-case letters and digits`},
		{"long name", "CLOISTER_NAME=abcdefghijk", `must be 1 to 10 lower-case`},
		{"zones", "CLOISTER_ZONES=", `zones: at least one is needed`},
		{"root", "CLOISTER_CONTROL_UID=0", `control_uid, router_uid: must be two different users other than root`},
		{"same", "CLOISTER_CONTROL_UID=61001", `must be two different users`},
		{"mail", "CLOISTER_ADMIN_EMAIL=nobody", `admin_email: `},
		{"team", "CLOISTER_ADMIN_TEAM=My Team", `admin_team: `},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Load(file(t, ""), strings.Split(c.env, "; ")); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v; want %q", c.env, err, c.want)
			}
		})
	}
	// All that is wrong is told at once.
	_, err := Load(file(t, ""), []string{"CLOISTER_STATE=x", "CLOISTER_ENGINE=y"})
	if err == nil || !strings.Contains(err.Error(), "state:") || !strings.Contains(err.Error(), "engine:") {
		t.Errorf("two mistakes: %v", err)
	}
}

func TestFileIsReadStrictly(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "none.toml"), nil); err == nil {
		t.Error("a file that was named and is not there is no mistake")
	}
	for text, want := range map[string]string{"lissten = \"x\"": `there is no key "lissten"`, "[listen]\nport = 1": "listen", "listen = ": "read configuration"} {
		if _, err := Load(file(t, text), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q", text, err, want)
		}
	}
}

func TestFlagsBeatTheEnvironment(t *testing.T) {
	t.Setenv("CLOISTER_STATE", "/from/env")
	t.Setenv("CLOISTER_RUN", "/from/env")
	f := flag.NewFlagSet("", flag.ContinueOnError)
	c, err := flags(f, []string{"--config", file(t, `http = ":81"`), "--state", "/from/flag", "--app-domain=flag.example", "rest"})
	if err != nil {
		t.Fatal(err)
	}
	if c.State != "/from/flag" || c.Run != "/from/env" || c.AppDomain != "flag.example" || c.HTTP != ":81" || f.Arg(0) != "rest" {
		t.Errorf("%+v", c)
	}
}

func TestPrintShowsEverythingButThePassword(t *testing.T) {
	for dsn, want := range map[string]string{
		"postgres://me:hush@db.example/cloister?sslmode=require": "postgres://me:xxxxx@db.example/cloister?sslmode=require",
		"postgres://me:h%40ush@db.example/cloister":              "postgres://me:xxxxx@db.example/cloister",
		"postgres://me@db.example/cloister?password=hush":        "postgres://me@db.example/cloister?password=xxxxx",
		"postgres://me:hu#sh@db.example/cloister":                "[secret]",
		"postgres://me:hu@sh@db.example/cloister":                "postgres://me:xxxxx@db.example/cloister",
		"/srv/cloister.db": "/srv/cloister.db",
		"":                 "",
	} {
		c := Default()
		c.Database, c.Hostnames = dsn, []string{"cloister.example"}
		var out bytes.Buffer
		if err := c.Print(&out); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "ush") {
			t.Errorf("the password of %q is printed", dsn)
		}
		var back Config
		if _, err := toml.Decode(out.String(), &back); err != nil {
			t.Fatalf("what is printed cannot be read: %v\n%s", err, &out)
		}
		c.Database = want
		if d := cmp.Diff(c, back); d != "" {
			t.Errorf("%q: %s", dsn, d)
		}
	}
}

const office = `
[[networks]]
name = "office"
interface = "br0"
addresses = "192.168.4.128/26"
prefixes = ["192.168.4.0/22", "10.20.0.0/16"]
gateway = "192.168.4.1"
spaces = ["my-space", "acme"]
`

func TestNetworksAreReadFromTheFile(t *testing.T) {
	c, err := Load(file(t, "ingress_pool = [\"192.0.2.0/28\", \"2001:db8::/64\"]\nsmtp = true\n"+office), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []Network{{Name: "office", Interface: "br0", Addresses: "192.168.4.128/26",
		Prefixes: []string{"192.168.4.0/22", "10.20.0.0/16"}, Gateway: "192.168.4.1", Spaces: []string{"my-space", "acme"}}}
	if d := cmp.Diff(want, c.Networks); d != "" {
		t.Error(d)
	}
	if !c.SMTP || len(c.ingressPool()) != 2 || len(c.networks()[0].Prefixes) != 2 {
		t.Errorf("got %v, %v, %v", c.SMTP, c.ingressPool(), c.networks())
	}
	// What --check prints can be read again.
	var b bytes.Buffer
	if err := c.Print(&b); err != nil {
		t.Fatal(err)
	}
	again, err := Load(file(t, b.String()), nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(c, again); d != "" {
		t.Error(d)
	}
}

func TestWrongNetworksAreRefusedInWords(t *testing.T) {
	for _, test := range []struct{ from, to, want string }{
		{`name = "office"`, `name = "The office"`, `networks: name "The office" must be lower-case letters, digits and dashes`},
		{"spaces = [", "spaces = [] #", `networks.office: spaces are missing`},
		{`interface = "br0"`, "", `networks.office: interface is missing`},
		{`"192.168.4.128/26"`, `"192.168.4.128"`, `networks.office: addresses "192.168.4.128" is not an IPv4 range`},
		{`"192.168.4.128/26"`, `"100.64.3.0/24"`, `networks.office: addresses "100.64.3.0/24" is not an IPv4 range apart from transit`},
		{"prefixes = [", "prefixes = [] #", `networks.office: prefixes are missing`},
		{`"10.20.0.0/16"`, `"192.0.2.0/24"`, `networks.office: prefix "192.0.2.0/24" is not a private IPv4 range`},
		{`"10.20.0.0/16"`, `"10.20.1.0/16"`, `networks.office: prefix "10.20.1.0/16" is not`},
		{`"192.168.4.1"`, `"fe80::1"`, `networks.office: gateway "fe80::1" is not an IPv4 address`},
		{"[[networks]]", office + "[[networks]]", `networks: name "office" must be lower-case letters, digits and dashes, and be there once`},
	} {
		if _, err := Load(file(t, strings.Replace(office, test.from, test.to, 1)), nil); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v; want %q", test.to, err, test.want)
		}
	}
}
