package api_test

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

func trusting(sources ...string) heroku.RulesetUpdateOpts {
	out := heroku.RulesetUpdateOpts{}
	for _, s := range sources {
		out.Rules = append(out.Rules, heroku.Rule{Action: "allow", Source: s})
	}
	return out
}

// Of two who change what both have read, the second is told; who does not ask for that overwrites.
func TestIfMatchKeepsTwoEditorsApart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	for path, body := range map[string][3]any{
		"/spaces/cellar/inbound-ruleset":  {trusting("192.0.2.0/24"), trusting("198.51.100.0/24"), trusting("203.0.113.0/24")},
		"/spaces/cellar/outbound-ruleset": {`{"rules":[{"target":"192.0.2.0/24"}]}`, `{"rules":[{"target":"198.51.100.0/24"}]}`, `{"rules":[]}`},
	} {
		tag := h.call("GET", path, nil).want(t, 200, nil).Header.Get("ETag")
		if tag == "" {
			t.Fatalf("%s has no ETag", path)
		}
		h.call("PUT", path, body[0], header("If-Match", tag)).want(t, 200, nil)
		var now map[string]any
		h.call("GET", path, nil).want(t, 200, &now)
		what := map[bool]string{true: "trusted IP ranges", false: "outbound rules"}[strings.Contains(path, "inbound")]
		for _, stale := range []string{tag, `"x"`, `W/"x", ` + tag} {
			h.call("PUT", path, body[1], header("If-Match", stale)).refused(t, 412, "precondition_failed", "The "+what+
				" of cellar are no longer those that you have read: ada@example.com changed them last. Nothing was changed; read them again, and then change them.")
		}
		var still map[string]any
		if h.call("GET", path, nil).want(t, 200, &still); !reflect.DeepEqual(now, still) {
			t.Errorf("it was %v, and is %v", now, still)
		}
		h.call("PUT", path, body[1], header("If-Match", "*")).want(t, 200, nil)
		h.call("PUT", path, body[2]).want(t, 200, nil)
	}
}

// That a ruleset came into force between reading and writing it is nobody's change.
func TestIfMatchTakesWhatWasNotInForceYet(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.space("cellar")
	var before heroku.Ruleset
	tag := h.call("GET", "/spaces/cellar/inbound-ruleset", nil).want(t, 200, &before).Header.Get("ETag")
	if *before.Applied {
		t.Fatal("nobody has applied it")
	}
	_, newest, err := h.platform.Ruleset(t.Context(), h.ada, s.ID)
	check(t, err)
	h.applied(newest.ID)
	if now := h.call("GET", "/spaces/cellar/inbound-ruleset", nil).Header.Get("ETag"); now == tag {
		t.Error("a cache would not see that it was applied")
	}
	h.call("PUT", "/spaces/cellar/inbound-ruleset", trusting("192.0.2.0/24"), header("If-Match", tag)).want(t, 200, nil)
}

// The official CLI adds a range beside 0.0.0.0/0, which every new space has.
func TestWhoAddsARangeBesideEveryoneIsWarned(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	const path = "/spaces/cellar/inbound-ruleset"
	w := h.call("PUT", path, trusting("0.0.0.0/0", "192.0.2.0/24")).want(t, 200, nil).Header.Get("Warning-Message")
	if want := "0.0.0.0/0 still admits everyone, whatever else is trusted. To admit nobody else, remove it: trusted-ips:remove 0.0.0.0/0 --space cellar"; w != want {
		t.Errorf("the warning is %q", w)
	}
	for _, clear := range []heroku.RulesetUpdateOpts{trusting("192.0.2.0/24"), trusting("0.0.0.0/0"), trusting()} {
		if w := h.call("PUT", path, clear).want(t, 200, nil).Header.Get("Warning-Message"); w != "" {
			t.Errorf("%v is warned of: %q", clear, w)
		}
	}
	h.trouble = "The engine does not answer."
	if w := h.call("PUT", path, trusting("0.0.0.0/0", "192.0.2.0/24")).Header.Get("Warning-Message"); !strings.Contains(w, "still admits everyone") || !strings.Contains(w, h.trouble) {
		t.Errorf("of two warnings only %q is told", w)
	}
}

func TestADryRunTellsWhomItWouldCutOff(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	at := time.Date(2026, 3, 29, 1, 2, 3, 0, time.UTC)
	h.clients = []cloister.Client{
		{Address: netip.MustParseAddr("203.0.113.9"), Requests: 3, First: at.Add(time.Minute), Last: at.Add(time.Hour), Open: 2},
		{Address: netip.MustParseAddr("192.0.2.7"), Requests: 1, First: at, Last: at},
		{Address: netip.MustParseAddr("203.0.113.8"), Requests: 9, First: at.Add(time.Second), Last: at.Add(time.Second)},
	}
	var got heroku.Rehearsal
	h.call("POST", "/spaces/cellar/inbound-ruleset/actions/dry-run", trusting("192.0.2.0/24")).want(t, 200, &got)
	want := heroku.Rehearsal{Kept: 1, Since: heroku.At(at), Cut: heroku.List[heroku.RecentClient]{
		{Address: "203.0.113.8", Requests: 9, First: heroku.At(at.Add(time.Second)), Last: heroku.At(at.Add(time.Second))},
		{Address: "203.0.113.9", Requests: 3, First: heroku.At(at.Add(time.Minute)), Last: heroku.At(at.Add(time.Hour)), Open: 2}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	var now heroku.Ruleset
	if h.call("GET", "/spaces/cellar/inbound-ruleset", nil).want(t, 200, &now); now.Rules[0].Source != "0.0.0.0/0" {
		t.Errorf("it changed something: %v", now.Rules)
	}
}

func TestOutboundRulesBeginWithEverywhere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.space("cellar")
	var got heroku.OutboundRuleset
	body := string(h.call("GET", "/spaces/cellar/outbound-ruleset", nil).want(t, 200, &got).body)
	if want := `"rules":[{"target":"0.0.0.0/0","protocol":"any","from_port":0,"to_port":65535}]`; !strings.Contains(body, want) || !*got.Applied || got.Space.ID != s.ID {
		t.Errorf("got %s", body)
	}
	first := got.ID
	// Numbers are taken for names, a port for a range, and none for all.
	h.call("PUT", "/spaces/cellar/outbound-ruleset", `{"id":"x","rules":[{"target":"192.0.2.7","protocol":6,"from_port":"443","to_port":null},
		{"target":"192.0.2.0/24","protocol":"icmp"},{"target":"192.0.2.0/24","protocol":50,"from_port":0,"to_port":0}]}`).want(t, 200, &got)
	want := heroku.List[heroku.OutboundRule]{rule("192.0.2.7/32", "tcp", 443, 443), rule("192.0.2.0/24", "icmp", 0, 255), rule("192.0.2.0/24", "50", 0, 65535)}
	if !reflect.DeepEqual(got.Rules, want) || got.CreatedBy != email || *got.Applied {
		t.Errorf("got %+v", got)
	}
	var all []heroku.OutboundRuleset
	h.call("GET", "/spaces/cellar/outbound-rulesets", nil).want(t, 200, &all)
	if len(all) != 2 || all[0].ID != got.ID || all[1].ID != first || all[1].CreatedBy != "acme@herokumanager.com" {
		t.Errorf("the history is %+v", all)
	}
	var one heroku.OutboundRuleset
	if h.call("GET", "/spaces/cellar/outbound-rulesets/"+got.ID, nil).want(t, 200, &one); !reflect.DeepEqual(one, got) {
		t.Errorf("got %+v", one)
	}
}

func rule(target, protocol string, from, to int) heroku.OutboundRule {
	return heroku.OutboundRule{Target: target, Protocol: protocol, FromPort: heroku.Pointer(heroku.Int(from)), ToPort: heroku.Pointer(heroku.Int(to))}
}

func TestPeeringInfoTellsWhatToRouteAndWhatToLeaveAlone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.space("cellar")
	var got heroku.PeeringInfo
	h.call("GET", "/spaces/cellar/peering-info", nil).want(t, 200, &got)
	dynos := heroku.List[string]{"10.0.128.0/20", "10.0.144.0/20", "10.0.160.0/20"}
	want := heroku.PeeringInfo{AccountID: s.Team.ID, Region: "ap-northeast-1", VPCID: s.VPCID(), VPCCIDR: "10.0.0.0/16", DynoCIDRs: dynos,
		SpaceCIDRs:      append(dynos[:3:3], "10.0.0.0/20", "10.0.16.0/20", "10.0.32.0/20"),
		UnavailableCIDR: heroku.List[string]{"172.23.0.0/20", "172.17.0.0/16", "10.1.0.0/16"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	// An accepted peer's addresses are not to be had any more.
	h.call("POST", "/spaces/cellar/peerings", heroku.PeeringAcceptOpts{ID: office.Offer(s.Space).ID}).want(t, 202, nil)
	h.call("GET", "/spaces/cellar/peering-info", nil).want(t, 200, &got)
	if want := append(want.UnavailableCIDR, "192.168.4.0/22"); !reflect.DeepEqual(got.UnavailableCIDR, want) {
		t.Errorf("got %v", got.UnavailableCIDR)
	}
}

func TestAPeeringLooksAsEachSideSeesIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	cellar := h.space("cellar")
	var nave heroku.Space
	h.call("POST", "/spaces", `{"name":"nave","team":"acme","cidr":"10.9.0.0/16","data_cidr":"172.24.0.0/20"}`).want(t, 201, &nave)
	var asked, other heroku.Peering
	h.call("POST", "/spaces/cellar/peerings", `{"space":{"name":"nave"}}`).want(t, 201, &asked)
	h.call("GET", "/spaces/nave/peerings/"+asked.ID, nil).want(t, 200, &other)
	if asked.Status != "initiating-request" || asked.Space.Name != "nave" || asked.CIDRBlocks[0] != "10.9.128.0/20" || asked.Expires.IsZero() {
		t.Errorf("who asked sees %+v", asked)
	}
	if other.Status != "pending-acceptance" || other.Space.Name != "cellar" || other.CIDRBlocks[0] != "10.0.128.0/20" || other.VPCID != cellar.VPCID() {
		t.Errorf("who was asked sees %+v", other)
	}
	h.call("POST", "/spaces/cellar/peerings/"+asked.ID+"/actions/accept", nil).refused(t, 422, "invalid_params",
		"Space cellar asked for this peering itself. An administrator of the other space's team has to accept it.")
	h.call("POST", "/spaces/nave/peerings/"+asked.ID+"/actions/accept", nil).want(t, 202, &other)
	if other.Status != "provisioning" || !other.Expires.IsZero() {
		t.Errorf("once accepted it is %+v", other)
	}
	var gone heroku.Peering
	if h.call("DELETE", "/spaces/cellar/peerings/"+asked.ID, nil).want(t, 202, &gone); gone.Status != "deleted" {
		t.Errorf("destroyed it is %+v", gone)
	}
	var all []heroku.Peering
	h.call("GET", "/spaces/nave/peerings", nil).want(t, 200, &all)
	seen := map[string]string{}
	for _, p := range all {
		seen[p.Type+" "+p.Network] = p.Status
	}
	if want := map[string]string{"customer-managed ": "deleted", "customer-managed office": "pending-acceptance", "heroku-managed ": "provisioning"}; !reflect.DeepEqual(seen, want) {
		t.Errorf("got %v", seen)
	}
}

func TestDestroyingASpaceWarnsOfItsAddresses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var s heroku.Space
	h.call("POST", "/spaces", `{"name":"attic","team":"acme"}`).want(t, 201, &s)
	if !reflect.DeepEqual(s.IngressIPs, heroku.List[string]{"203.0.113.1"}) {
		t.Errorf("its ingress IPs are %v", s.IngressIPs)
	}
	w := h.call("DELETE", "/spaces/attic", nil).want(t, 200, nil).Header.Get("Warning-Message")
	const want = "The outbound IPs of this space will be used again by others: 198.18.0.1, 198.18.0.2, 198.18.0.3, 198.18.0.4. " +
		"Remove them from the allowlists of the services that trust them. So will its ingress IPs: 203.0.113.1. Remove DNS records that lead to them."
	if w != want {
		t.Errorf("the warning is %q", w)
	}
}
