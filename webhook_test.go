package cloister

import (
	"strings"
	"testing"
	"time"
)

func TestWebhookFields(t *testing.T) {
	for url, why := range map[string]string{
		"https://user:hush@example.com/in?a=1": "", "http://example.com": "", "https://example.com:8443/": "",
		"": "is missing", "syslog://example.com": "has a scheme", "example.com": "has a scheme", "https://": "has no host",
		"https://example.com:0/": "has a port that does not exist", "https://example.com:25/": "leads to the port of mail",
		"https://example.com/#x": "has a fragment", "https://exa mple.com/": "is not an address",
		"https://example.com/" + strings.Repeat("a", 2048): "is longer than 2048 bytes",
	} {
		got, err := ParseWebhookURL(url)
		if why == "" && (err != nil || got.Reveal() != url) || why != "" && !strings.Contains(MessageOf(err), why) {
			t.Errorf("%q: %v", url, err)
		}
		if err != nil && KindOf(err) != Invalid {
			t.Errorf("%q: %v", url, err)
		}
	}
	for in, want := range map[string]string{"dyno api:release api:dyno": "api:release dyno", "api:app": "api:app", "": "Include is missing", "release": `Include "release" is not known`} {
		got, err := ParseEntities(strings.Fields(in))
		var names []string
		for _, e := range got {
			names = append(names, string(e))
		}
		if have := strings.Join(names, " ") + MessageOf(err); !strings.HasPrefix(have, want) {
			t.Errorf("%q: %s", in, have)
		}
	}
	for _, bad := range []string{"a\nb", " a", "ü", strings.Repeat("a", 1025)} {
		if _, err := ParseWebhookHeader("Secret", bad); KindOf(err) != Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := ParseWebhookLevel("loud"); KindOf(err) != Invalid {
		t.Error(err)
	}
	if EntityRelease.Resource() != "release" || EntityDyno.Resource() != "dyno" {
		t.Error(EntityRelease.Resource(), EntityDyno.Resource())
	}
}

func TestAWebhookIsToldOnceOrForThreeDays(t *testing.T) {
	event := time.Date(2026, 3, 29, 1, 2, 3, 0, time.UTC)
	failed := Attempt{ID: "x", Code: 503, Error: "BadResponse"}
	once := Delivery{Level: WebhookNotify, Status: DeliveryPending, Attempts: 1}.After(failed, event, event)
	if once.Status != DeliveryFailed || !once.NextAt.IsZero() || once.Last != failed {
		t.Errorf("%+v", once)
	}
	if d := (Delivery{Level: WebhookNotify, Attempts: 1}).After(Attempt{ID: "x", Code: 204}, event, event); d.Status != DeliverySucceeded || !d.NextAt.IsZero() {
		t.Errorf("%+v", d)
	}
	d := Delivery{Level: WebhookSync, Status: DeliveryPending}
	var waits []time.Duration
	now := event
	for d.Status != DeliveryFailed {
		d.Attempts++
		d = d.After(failed, event, now)
		if !d.NextAt.IsZero() {
			waits = append(waits, d.NextAt.Sub(now))
			now = d.NextAt
		}
	}
	if now.Sub(event) > WebhookTries || now.Sub(event) < WebhookTries-time.Hour {
		t.Errorf("the last attempt was after %v", now.Sub(event))
	}
	for i, want := range []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second} {
		if waits[i] != want {
			t.Errorf("wait %d is %v", i, waits[i])
		}
	}
	if longest := waits[len(waits)-1]; longest != time.Hour {
		t.Errorf("the longest wait is %v", longest)
	}
	late := Delivery{Level: WebhookSync, Attempts: 1}.After(failed, event, event.Add(WebhookTries))
	if late.Status != DeliveryFailed {
		t.Errorf("an event of three days ago: %+v", late)
	}
}
