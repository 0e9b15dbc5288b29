package drain

import (
	"bufio"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// rsyslogd is a real receiver: rsyslog with TLS, writing "token source proc text" to a file.
func rsyslogd(t *testing.T) (url, file string, roots *x509.CertPool) {
	t.Helper()
	program, err := exec.LookPath("rsyslogd")
	if err != nil {
		program = "/usr/sbin/rsyslogd"
	}
	if _, err := os.Stat(program); err != nil {
		t.Skip("rsyslog is not installed: scripts/install.sh test")
	}
	if drivers, _ := filepath.Glob("/usr/lib/*/rsyslog/lmnsd_ossl.so"); len(drivers) == 0 {
		t.Skip("rsyslog cannot speak TLS: scripts/install.sh test")
	}
	secure, roots := trust(t)
	dir := t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(secure.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	file = filepath.Join(dir, "messages")
	for name, content := range map[string]string{
		"cert.pem": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificates[0].Certificate[0]})),
		"key.pem":  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})),
		"messages": "",
		"conf": strings.NewReplacer("DIR", dir, "PORT", port).Replace(`
global(workDirectory="DIR" defaultNetstreamDriverCAFile="DIR/cert.pem" defaultNetstreamDriverCertFile="DIR/cert.pem"
  defaultNetstreamDriverKeyFile="DIR/key.pem")
module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon")
template(name="plain" type="string" string="%HOSTNAME% %APP-NAME% %PROCID% %STRUCTURED-DATA% %msg%\n")
input(type="imtcp" address="127.0.0.1" port="PORT")
action(type="omfile" file="DIR/messages" template="plain")
`),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command(program, "-n", "-f", filepath.Join(dir, "conf"), "-i", filepath.Join(dir, "pid"))
	var said strings.Builder
	c.Stdout, c.Stderr = &said, &said
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
		if t.Failed() {
			t.Log(said.String())
		}
	})
	return "syslog+tls://127.0.0.1:" + port, file, roots
}

func TestRsyslogGetsAHundredThousandLinesInOrderThroughRestarts(t *testing.T) {
	t.Parallel()
	url, file, roots := rsyslogd(t)
	h := newHouse(t, roots, url)
	h.chatter()
	h.say("web.1", "[looks like=\"data\"] and is text")
	x := &inbox{}
	eventually(t, func() error {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		*x = inbox{}
		for lines := bufio.NewScanner(f); lines.Scan(); {
			w := strings.SplitN(lines.Text(), " ", 5)
			if len(w) != 5 || w[0] != h.drains[0].Token || w[1] != "app" || w[3] != "-" {
				return fmt.Errorf("it wrote %q", lines.Text())
			}
			x.messages = append(x.messages, message{proc: w[2], text: w[4]})
		}
		if err := x.counted(50_000, false, "web.1", "worker.1"); err != nil {
			return err
		}
		if last := x.messages[len(x.messages)-1].text; strings.TrimSpace(last) != "[looks like=\"data\"] and is text" {
			return fmt.Errorf("the last is %q", last)
		}
		return nil
	})
	if _, err := strconv.Atoi(strings.TrimSpace(x.messages[0].text)); err != nil {
		t.Errorf("the first is %q", x.messages[0].text)
	}
}
