// Package draintest has what stands at the other end of a drain in tests: certificates, and a real receiver of syslog.
package draintest

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Trust is the certificate of httptest, which is good for 127.0.0.1 and example.com, and itself who trusts it.
func Trust() (*tls.Config, *x509.Certificate) {
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	return &tls.Config{Certificates: s.TLS.Certificates}, s.Certificate()
}

// Rsyslog starts rsyslog with TLS, and returns the URL of a drain to it and the file that it writes to: lines of the
// token, the source, the process, structured data and the text. It skips the test where it is not installed.
func Rsyslog(t testing.TB, secure *tls.Config) (url, file string) {
	t.Helper()
	program, err := exec.LookPath("rsyslogd")
	if err != nil {
		program = "/usr/sbin/rsyslogd"
	}
	if _, err := os.Stat(program); err != nil {
		t.Skip("SKIPPED: rsyslog is not installed: scripts/install.sh test")
	}
	if drivers, _ := filepath.Glob("/usr/lib/*/rsyslog/lmnsd_ossl.so"); len(drivers) == 0 {
		t.Skip("SKIPPED: rsyslog cannot speak TLS: scripts/install.sh test")
	}
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
	return "syslog+tls://127.0.0.1:" + port, file
}
