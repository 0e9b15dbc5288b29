package router

import (
	"bytes"
	"net/netip"
)

// believe takes a balancer's word. The client is the last in X-Forwarded-For that is not a balancer itself: what
// stands to its left the client may have made up, and what stands to its right is nobody's business. It reports
// whether the balancer makes sense.
func (x *exchange) believe() bool {
	t := x.r.table.Load()
	x.client = x.from.peer
	from := 0 // where the client stands
	for end := len(x.fwd); end > 0 && t.balances(x.client); {
		start := bytes.LastIndexByte(x.fwd[:end], ',') + 1
		if hop := bytes.Trim(x.fwd[start:end], " \t"); len(hop) > 0 {
			a, ok := parseHop(hop)
			if !ok {
				return false
			}
			x.client, from = a, start
		}
		end = start - 1
	}
	x.fwd = x.fwd[:from]
	if from > 0 {
		x.fwd = append(x.fwd, ' ')
	}
	x.fwd = x.client.AppendTo(x.fwd)
	x.secure, x.port = false, nil
	for i := range x.q.fields {
		switch f := &x.q.fields[i]; f.kind {
		case forwardedProtoField:
			x.secure = sameFold(lastToken(x.q.value(f)), "https")
		case forwardedPortField:
			x.port = nil
			if port := lastToken(x.q.value(f)); validPort(port) {
				x.port = port
			}
		}
	}
	return true
}

// parseHop reads an address as balancers write it: some add a port, some put brackets around IPv6.
func parseHop(hop []byte) (netip.Addr, bool) {
	const longest = len("[0000:0000:0000:0000:0000:0000:255.255.255.255]:65535")
	if len(hop) > longest {
		return netip.Addr{}, false
	}
	text := string(hop)
	if at, err := netip.ParseAddrPort(text); err == nil {
		return bare(at.Addr()), true
	}
	if text[0] == '[' && text[len(text)-1] == ']' {
		text = text[1 : len(text)-1]
	}
	a, err := netip.ParseAddr(text)
	return bare(a), err == nil
}

func lastToken(v []byte) []byte {
	return bytes.Trim(v[bytes.LastIndexByte(v, ',')+1:], " \t")
}

func validPort(p []byte) bool {
	n, ok := parseLength(p)
	return ok && 0 < n && n < 1<<16
}
