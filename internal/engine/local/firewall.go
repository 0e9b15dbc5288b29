package local

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"text/template"
)

//go:embed space.nft.tmpl
var spaceText string

//go:embed host.nft.tmpl
var hostText string

var (
	spaceTemplate = template.Must(template.New("space").Parse(spaceText))
	hostTemplate  = template.Must(template.New("host").Parse(hostText))
)

// private are the destinations that no workload reaches through its space's uplink: the networks of RFC 6890 that
// are not global, and two addresses where clouds keep their metadata.
var private = prefixes("0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 168.63.129.16/32 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.168.0.0/16 224.0.0.0/4 240.0.0.0/4")

// A spaceRules is everything the firewall of a space depends on. The table is rendered whole each time.
type spaceRules struct {
	Dynos, Data netip.Prefix
	Builds      bool
	Resolver    netip.Addr
	Gateway     netip.Addr // the router, as web processes see it
	Private     []netip.Prefix
	Workloads   []workloadRule // sorted by address
}

type workloadRule struct {
	Link     string
	Address  netip.Addr
	Outbound netip.Addr
	Transit  netip.Addr // invalid without Port
	Port     int
}

// Web lists the workloads that take requests.
func (r spaceRules) Web() []workloadRule {
	var out []workloadRule
	for _, w := range r.Workloads {
		if w.Port > 0 {
			out = append(out, w)
		}
	}
	return out
}

func (r spaceRules) render() string { return execute(spaceTemplate, r) }

// A hostRules is what the machine's own table depends on.
type hostRules struct {
	Name      string
	Links     string // prefix of interface names
	Transit   netip.Prefix
	RouterUID int
	Private   []netip.Prefix
	Sources   []sourceRule
	Masked    []netip.Addr
}

type sourceRule struct {
	Link    string
	Address netip.Addr
}

func (r hostRules) render() string { return execute(hostTemplate, r) }

func execute(t *template.Template, data any) string {
	var b strings.Builder
	if err := t.Execute(&b, data); err != nil {
		panic(err) // the templates are constants and tested
	}
	return b.String()
}

// load hands a ruleset to nft, in the network namespace of the calling thread. It takes effect as a whole or not at
// all; flows that are under way go on, as their state is not in the table.
func load(ctx context.Context, rules string) error {
	cmd := exec.CommandContext(ctx, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("load firewall: %w: %s", err, bytes.TrimSpace(out.Bytes()))
	}
	return nil
}

func prefixes(list string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range strings.Fields(list) {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}
