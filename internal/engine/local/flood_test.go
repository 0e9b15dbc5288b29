package local_test

import (
	"os"
	"testing"
)

func TestASpaceThatFloodsLeavesRoomForOthers(t *testing.T) {
	m := newMachine(t, "flood")
	m.config.Masquerade = true
	m.surround()
	e := m.open()
	a, b := m.space(e, "198.51.100.1"), m.space(e, "198.51.100.5")
	bad, good := m.run(e, a, "sleep", "1000"), m.run(e, b, "sleep", "1000")
	near, far := m.run(e, a, "sleep", "1000"), m.run(e, a, "probe", "serve", "0.0.0.0:5000")
	m.ready(e, far)
	for range 2 { // a change of the rules in between gives it nothing more
		m.exec(e, bad, "probe", "flood", internetAddress, "60000")
		a.Mail = !a.Mail
		m.ensure(e, a)
	}
	read := func(file string) int { text, _ := os.ReadFile(file); return number(string(text)) }
	kept, most := read("/proc/sys/net/netfilter/nf_conntrack_count"), read("/proc/sys/net/netfilter/nf_conntrack_max")
	t.Logf("%d flows of %d", kept, most)
	if kept < 1000 || kept > most/16+1000 {
		t.Errorf("the machine keeps %d flows of %d", kept, most)
	}
	if _, ok := m.dial(e, good, "tcp", internetAddress+":443"); !ok {
		t.Error("another space is cut off")
	}
	count := m.config.Run + "/count"
	m.sh("nsenter --net=" + m.config.Run + "/netns/space-" + a.ID + " cat /proc/sys/net/netfilter/nf_conntrack_count > " + count)
	if n := read(count); n < 1000 {
		t.Errorf("the space keeps %d flows", n)
	}
	if _, ok := m.dial(e, near, "udp", m.status(e, far).Address.String()+":5000"); !ok {
		t.Error("another dyno of the space is cut off")
	}
}
