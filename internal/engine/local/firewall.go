package local

import (
	_ "embed"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"text/template"

	"github.com/cloister-dev/cloister/internal/engine"
)

//go:embed space.nft.tmpl
var spaceText string

//go:embed host.nft.tmpl
var hostText string

//go:embed bridge.nft.tmpl
var bridgeText string

var (
	spaceTemplate  = template.Must(template.New("space").Parse(spaceText))
	hostTemplate   = template.Must(template.New("host").Funcs(template.FuncMap{"family": family, "list": list}).Parse(hostText))
	bridgeTemplate = template.Must(template.New("bridge").Parse(bridgeText))
)

// list writes the elements of a set of the machine's. They are of all spaces, and the loops of templates are slow.
func list(elements any) (string, error) {
	switch v := elements.(type) {
	case []netip.Addr:
		return commas(v), nil
	case []netip.Prefix:
		return commas(v), nil
	case []sourceRule:
		return commas(v), nil
	case []knock:
		return commas(v), nil
	}
	return "", fmt.Errorf("a list of %T cannot be written", elements)
}

func commas[T fmt.Stringer](elements []T) string {
	var b strings.Builder
	for i, e := range elements {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(e.String())
	}
	return b.String()
}

func family(p netip.Prefix) string {
	if p.Addr().Is4() {
		return "ip"
	}
	return "ip6"
}

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

	Internal netip.Addr // where the router answers inside; may be invalid
	Own      []netip.Addr
	Open     bool // all that is public may be reached; otherwise Egress says what of it
	Egress   []passRule
	Mail     bool
	Ingress  []netip.Prefix // the machine's pool, IPv4
	Joined   []joinedRule
}

// A joinedRule is a network behind a link to a peer.
type joinedRule struct {
	Link   string
	Prefix netip.Prefix
}

// A passRule is a Pass that can be rendered.
type passRule engine.Pass

// Match is what a flow must look like besides its destination. It is told by the flow's first packet, in which
// conntrack keeps an ICMP type as the upper half of a port.
func (p passRule) Match() string {
	from, to, all := int(p.From), int(p.To), p.From == 0 && p.To == 65535
	protocol := map[int]string{engine.AnyProtocol: "{ tcp, udp }", engine.TCP: "tcp", engine.UDP: "udp", engine.ICMP: "icmp"}[p.Protocol]
	switch {
	case p.Protocol == engine.AnyProtocol && all:
		return ""
	case all:
		return " meta l4proto " + protocol
	case p.Protocol == engine.ICMP:
		from, to = min(from, 255)<<8, min(to, 255)<<8|255
	case from == to:
		return fmt.Sprintf(" meta l4proto %s ct original proto-dst %d", protocol, from)
	}
	return fmt.Sprintf(" meta l4proto %s ct original proto-dst %d-%d", protocol, from, to)
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
	Name        string
	Links       string // prefix of interface names
	Transit     netip.Prefix
	RouterUID   int
	Private     []netip.Prefix
	Sources     []sourceRule
	Masked      []netip.Addr
	Known, Mail []netip.Addr
	Flows       int // new ones of one space in a second
	Burst       int // and at once
	Networks    bool

	Ingress            []netip.Prefix // the pool
	HTTP, HTTPS        int            // where the router listens, if not on 80 and 443
	Trusted4, Trusted6 []knock
}

func (r hostRules) Ingress4() []netip.Prefix { return ofFamily(r.Ingress, true) }
func (r hostRules) Ingress6() []netip.Prefix { return ofFamily(r.Ingress, false) }

func ofFamily(list []netip.Prefix, four bool) (out []netip.Prefix) {
	for _, p := range list {
		if p.Addr().Is4() == four {
			out = append(out, p)
		}
	}
	return out
}

// Doors lead from the ports that people use to those that the router listens on, at the same address.
func (r hostRules) Doors() (out []string) {
	for _, p := range r.Ingress {
		for public, port := range map[int]int{80: r.HTTP, 443: r.HTTPS} {
			if port != 0 && port != public {
				f := family(p)
				out = append(out, fmt.Sprintf("%s daddr %s tcp dport %d dnat %s to %s daddr : %d", f, p, public, f, f, port))
			}
		}
	}
	slices.Sort(out)
	return out
}

type sourceRule struct {
	Link    string
	Address netip.Addr
}

func (s sourceRule) String() string { return `"` + s.Link + `" . ` + s.Address.String() }

func (r hostRules) render() string {
	if r.Networks {
		return execute(hostTemplate, r) + execute(bridgeTemplate, r)
	}
	return execute(hostTemplate, r)
}

func execute(t *template.Template, data any) string {
	var b strings.Builder
	if err := t.Execute(&b, data); err != nil {
		panic(err) // the templates are constants and tested
	}
	return b.String()
}

func prefixes(list string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range strings.Fields(list) {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}
