package cloister

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// made is a public key file of ssh-keygen, and its fingerprint.
func made(t *testing.T, args ...string) (line, fingerprint string) {
	t.Helper()
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("SKIPPED: ssh-keygen is not installed")
	}
	file := filepath.Join(t.TempDir(), "key")
	if out, err := exec.Command("ssh-keygen", append([]string{"-q", "-N", "", "-f", file, "-C", "ada's  laptop"}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	b, err := os.ReadFile(file + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ssh-keygen", "-l", "-E", "md5", "-f", file+".pub").Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(b), strings.TrimPrefix(strings.Fields(string(out))[1], "MD5:")
}

func TestKeysOfSSHAreRead(t *testing.T) {
	for _, args := range [][]string{{"-t", "ed25519"}, {"-t", "rsa", "-b", "2048"}, {"-t", "ecdsa", "-b", "384"}} {
		line, fingerprint := made(t, args...)
		k, err := ParseKey(line)
		if err != nil || k.Fingerprint != fingerprint || k.Comment != "ada's laptop" || !strings.HasPrefix(line, k.Public+" ") {
			t.Errorf("%v: %+v, %v, want the fingerprint %s", args, k, err, fingerprint)
		}
	}
}

func TestWhatIsNoKeyIsRefused(t *testing.T) {
	const good = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	if _, err := ParseKey(good); err != nil {
		t.Fatal(err)
	}
	short, _ := made(t, "-t", "rsa", "-b", "1024")
	for name, x := range map[string]struct{ line, says string }{
		"nothing":            {"", "no public key"},
		"half":               {"ssh-ed25519", "no public key"},
		"two lines":          {good + "\n" + good, "no public key"},
		"a private key":      {"-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl", "private key"},
		"no base64":          {"ssh-ed25519 !!!!", "no public key"},
		"cut off":            {good[:40], "no public key"},
		"another type":       {"ssh-rsa" + strings.TrimPrefix(good, "ssh-ed25519"), "no public key"},
		"DSA":                {"ssh-dss AAAA", "not taken"},
		"options":            {`command="true" ` + good, "not taken"},
		"an endless length":  {"ssh-ed25519 /////w==", "no public key"},
		"RSA without a part": {"ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB", "no public key"},
		"short RSA":          {short, "1024 bits"},
		"endless":            {good + " " + strings.Repeat("x", 20<<10), "no public key"},
	} {
		if _, err := ParseKey(x.line); KindOf(err) != Invalid || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	k, err := ParseKey(good + " a\x1b[31mb \u202e c " + strings.Repeat("x", 300))
	if err != nil || !strings.HasPrefix(k.Comment, "a[31mb  c xxx") || len(k.Comment) != 200 {
		t.Errorf("%q, %v", k.Comment, err)
	}
}
