// Package local runs Cloister on one Linux machine: containers by containerd, networks by netlink, and firewalls by
// text that nft loads. It runs as root, in the node process.
//
// A space is a network namespace that is its router. The machine's own namespace has no route to any space's
// addresses, so spaces with the same CIDR cannot meet even if a rule is wrong: isolation is structure first, rules
// second. A workload has a namespace of its own too, joined to its space by a point-to-point link that carries one
// address each way and no broadcast.
//
//	workload ── eth0 /32 ══ w… ── space ── up ══ cl…  ── machine ── uplink
//	            10.0.128.1         │ firewall, NAT        firewall, masquerade
//	                               └ resolver 10.0.0.2
//
// Everything that must outlive this process is either in the kernel (namespaces, mounts, tables), held by
// containerd's shims (processes and their output), or in a small JSON file under Config.State. New reads all three
// and goes on; it does not matter whether the process before was closed or killed.
//
// The package decides nothing: it does not restart what has exited, choose zones, or talk to tenants.
package local
