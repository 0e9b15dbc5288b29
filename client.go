package cloister

import (
	"net/netip"
	"time"
)

// A Client is somebody who has made requests to the apps of a space of late, as the router saw them.
type Client struct {
	Address  netip.Addr
	Requests int64
	First    time.Time
	Last     time.Time
	Open     int // connections now
}

// CutOff picks the clients that a set of trusted ranges would keep out, in the order given.
func CutOff(clients []Client, ranges []netip.Prefix) (out []Client) {
	for _, c := range clients {
		if !Trusts(ranges, c.Address) {
			out = append(out, c)
		}
	}
	return out
}
