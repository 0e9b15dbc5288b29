package cloister

import (
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Drain is a place outside that gets every line of an app's log. Platform writes all of it; nothing of it changes. That of
// a space gets the lines of all its apps, whose own drains rest meanwhile.
type Drain struct {
	ID        string
	AppID     string // whose lines; of a space's drain as such ""
	SpaceID   string // of a space's drain
	URL       Secret // with the credentials that people put into it
	Token     string // "d.<uuid>": tells the receiver whose lines they are
	CreatedAt time.Time
	UpdatedAt time.Time
}

// NewDrainToken returns a token for a drain.
func NewDrainToken() string { return "d." + NewID() }

// Address is where the drain leads, as it may be shown: without credentials, path and query.
func (d Drain) Address() string {
	u, err := url.Parse(d.URL.Reveal())
	if err != nil {
		return "[secret]"
	}
	return u.Scheme + "://" + u.Host
}

// drainPorts are the schemes of drains, and where they lead if the URL does not say.
var drainPorts = map[string]string{"https": "443", "http": "80", "syslog": "514", "syslog+tls": "6514"}

// HostPort is what to dial for a drain's URL.
func (d Drain) HostPort() string {
	u, err := url.Parse(d.URL.Reveal())
	if err != nil {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = drainPorts[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// ParseDrainURL checks the address of a drain. Where its name leads to is for whoever dials it to judge.
func ParseDrainURL(s string) (Secret, error) {
	u, why := parseReceiver(s, slices.Collect(maps.Keys(drainPorts))...)
	if why == "" && !strings.HasPrefix(u.Scheme, "http") && (u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "") {
		why = "has more than a host and a port, which is all that syslog knows"
	}
	if why != "" {
		return "", Errorf(Invalid, "Url %s. A drain is https://user:password@host/path, syslog+tls://host:port or syslog://host:port.", why)
	}
	return Secret(s), nil
}

// ParseSpaceDrainURL checks the address of a drain of a space, which is always HTTPS.
func ParseSpaceDrainURL(s string) (Secret, error) {
	if _, why := parseReceiver(s, "https"); why != "" {
		return "", Errorf(Invalid, "Url %s. The drain of a space is https://user:password@host/path.", why)
	}
	return Secret(s), nil
}

// parseReceiver reads the address of something outside that is to be told things: of a drain, of a webhook. why is what is
// wrong with it; it never repeats the address, where there may be a password.
func parseReceiver(s string, schemes ...string) (u *url.URL, why string) {
	if s == "" {
		return nil, "is missing"
	}
	if len(s) > 2048 {
		return nil, "is longer than 2048 bytes"
	}
	u, err := url.Parse(s)
	if err != nil || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil, "is not an address"
	}
	port, err := strconv.Atoi(u.Port())
	switch {
	case !slices.Contains(schemes, u.Scheme):
		return nil, "has a scheme that means nothing here"
	case u.Hostname() == "":
		return nil, "has no host"
	case u.Port() != "" && (err != nil || port < 1 || port > 65535):
		return nil, "has a port that does not exist"
	case port == 25:
		return nil, "leads to the port of mail"
	case strings.Contains(s, "#"):
		return nil, "has a fragment, which means nothing here: certificates are always checked"
	}
	return u, ""
}
