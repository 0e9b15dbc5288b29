package local

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os/exec"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// A table is what was loaded last into one namespace, and the generation of its whole ruleset since: as long as
// neither differs there is nothing to do. Whoever else changes the ruleset, or flushes it, is noticed by that.
type table struct {
	text       string
	generation uint32 // 0: unknown
}

// load brings a ruleset into force, in the network namespace of the calling thread. It takes effect as a whole or not
// at all; flows that are under way go on, as their state is not in the table. Of a ruleset that is known to be in force
// only what differs is told.
func (t *table) load(ctx context.Context, text string) error {
	before, err := generation()
	known := err == nil && t.generation == before && before != 0
	if known && t.text == text {
		return nil
	}
	changes, small := "", false
	if known {
		changes, small = difference(t.text, text)
	}
	if small && changes == "" { // the same in another order
		t.text = text
		return nil
	}
	t.generation = 0
	if !small || nft(ctx, changes) != nil {
		if err := nft(ctx, text); err != nil {
			return err
		}
	}
	if after, err := generation(); err == nil && after == before+1 {
		*t = table{text, after}
	}
	return nil
}

func nft(ctx context.Context, text string) error {
	cmd := exec.CommandContext(ctx, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(text)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("load firewall: %w: %s", err, bytes.TrimSpace(out.Bytes()))
	}
	return nil
}

const (
	getGeneration = 16 // NFT_MSG_GETGEN
	generationID  = 1  // NFTA_GEN_ID
)

// generation counts the changes of the ruleset of the calling thread's network namespace.
func generation() (uint32, error) {
	r := nl.NewNetlinkRequest(unix.NFNL_SUBSYS_NFTABLES<<8|getGeneration, 0)
	r.AddData(&nl.Nfgenmsg{NfgenFamily: unix.AF_UNSPEC})
	answers, err := r.Execute(unix.NETLINK_NETFILTER, 0)
	if err != nil {
		return 0, fmt.Errorf("ask for the generation of the firewall: %w", err)
	}
	for _, a := range answers {
		if len(a) < nl.SizeofNfgenmsg {
			continue
		}
		attributes, err := nl.ParseRouteAttr(a[nl.SizeofNfgenmsg:])
		if err != nil {
			return 0, fmt.Errorf("read the generation of the firewall: %w", err)
		}
		for _, at := range attributes {
			if at.Attr.Type&nl.NLA_TYPE_MASK == generationID && len(at.Value) == 4 {
				return binary.BigEndian.Uint32(at.Value), nil
			}
		}
	}
	return 0, fmt.Errorf("the firewall has no generation")
}
