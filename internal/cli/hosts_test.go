package cli

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// echo stands for the network: whatever is looked up has its own name for an address.
const echo = `
	const dns = require('dns'), real = Object.getOwnPropertyDescriptors(dns.lookup)
	dns.lookup = (name, options, then = options) => options.all ? then(null, [{address: name}]) : then(null, name, 4)
	Object.defineProperties(dns.lookup, real)`

// TestStrayHostsLeadHere has Node.js look each of them up, as its clients do, with and without a server on this machine.
func TestStrayHostsLeadHere(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("SKIPPED: node is not installed")
	}
	const ask = `
		const {promisify} = require('util'), dns = require('dns')
		import('dns').then(async esm => {
			for (const name of process.argv.slice(1)) {
				const all = await Promise.allSettled([promisify(esm.lookup)(name), new Promise((y, n) => dns.lookup(name, {all: true}, (e, a) => e ? n(e) : y(a[0])))])
				console.log(name, all.map(r => r.value.address).join(' '))
			}
		})`
	network := filepath.Join(t.TempDir(), "echo.js")
	if err := os.WriteFile(network, []byte(echo), 0o600); err != nil {
		t.Fatal(err)
	}
	lookup := func(host string) string {
		t.Helper()
		c := exec.Command(node, append([]string{"--require=" + network, "--require=./hosts.js", "-e", ask}, append(slices.Clone(strays), "nowhere.invalid")...)...)
		c.Env = append(c.Environ(), "HEROKU_HOST="+host, "NODE_OPTIONS=")
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	got := lookup("http://127.0.0.1:5100")
	for _, name := range strays {
		if !strings.Contains(got, name+" 127.0.0.1 127.0.0.1\n") {
			t.Errorf("%s is not here:\n%s", name, got)
		}
	}
	if !strings.Contains(got, "nowhere.invalid nowhere.invalid nowhere.invalid\n") {
		t.Errorf("others are here too:\n%s", got)
	}
	for _, host := range []string{"", "https://api.heroku.com", "not a URL"} {
		if got := lookup(host); strings.Contains(got, "127.0.0.1") {
			t.Errorf("with HEROKU_HOST=%q they lead here:\n%s", host, got)
		}
	}
}

// TestSSHLeadsToThePortOfTheServer has Node.js connect to the port that Heroku's CLI insists on.
func TestSSHLeadsToThePortOfTheServer(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("SKIPPED: node is not installed")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, "here")
			c.Close()
		}
	}()
	const ask = `
		const net = require('net')
		const show = (what, s) => s.on('data', d => console.log(what, String(d))).on('error', () => console.log(what, 'elsewhere'))
		show('socket', new net.Socket().connect({host: '127.0.0.1', port: 80}))
		show('connect', net.connect({host: '127.0.0.1', port: 80}))
		show('other host', net.connect({host: '127.0.0.2', port: 80}))
		show('other port', net.connect({host: '127.0.0.1', port: 1}))`
	c := exec.Command(node, "--require=./hosts.js", "-e", ask)
	c.Env = append(c.Environ(), "HEROKU_EXEC_URL=https://"+l.Addr().String(), "NODE_OPTIONS=")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{"socket here", "connect here", "other host elsewhere", "other port elsewhere"} {
		if !strings.Contains(string(out), want+"\n") {
			t.Errorf("%q is not in:\n%s", want, out)
		}
	}
}
