package build

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/cloister-dev/cloister"
)

// archive makes a tar of the entries as they are.
func archive(t testing.TB, entries ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range entries {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(w, zeros{}, h.Size); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func regular(name string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: 3}
}

func link(kind byte, name, to string) tar.Header {
	return tar.Header{Typeflag: kind, Name: name, Linkname: to}
}

func TestHostileArchivesAreRefusedByName(t *testing.T) {
	t.Parallel()
	dev := tar.Header{Typeflag: tar.TypeChar, Name: "null", Devmajor: 1, Devminor: 3}
	for name, c := range map[string]struct {
		entries []tar.Header
		want    string
	}{
		"dots":                {[]tar.Header{regular("a/../../etc/passwd")}, `"a/../../etc/passwd" leads outside`},
		"absolute":            {[]tar.Header{regular("/etc/passwd")}, `"/etc/passwd" has an absolute path`},
		"device":              {[]tar.Header{dev}, `"null" is a device`},
		"pipe":                {[]tar.Header{{Typeflag: tar.TypeFifo, Name: "p"}}, `"p" is a device or a pipe`},
		"link outside":        {[]tar.Header{link(tar.TypeSymlink, "a/b", "../../x")}, `"a/b" is a symbolic link that leads outside, to "../../x"`},
		"absolute link":       {[]tar.Header{link(tar.TypeSymlink, "a", "/etc")}, `"a" is a symbolic link that leads outside`},
		"two steps":           {[]tar.Header{link(tar.TypeSymlink, "a", "b"), regular("a/c")}, `"a/c" is beneath the symbolic link "a"`},
		"hard link outside":   {[]tar.Header{link(tar.TypeLink, "a", "../x")}, `"a" is a hard link that leads outside`},
		"hard link by a link": {[]tar.Header{link(tar.TypeSymlink, "d", "e"), link(tar.TypeLink, "a", "d/x")}, `by way of the symbolic link "d"`},
		"too much":            {[]tar.Header{{Typeflag: tar.TypeReg, Name: "a", Size: 2 << 20, Mode: 0o644}}, "more than 1.0M"},
	} {
		t.Run(name, func(t *testing.T) {
			err := copySource(bytes.NewReader(archive(t, c.entries...)), io.Discard, "", 1<<20)
			if cloister.KindOf(err) != cloister.Invalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestSourceIsCopiedAndPlain(t *testing.T) {
	t.Parallel()
	raw := archive(t, tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "pax_global_header", PAXRecords: map[string]string{"comment": "c0ffee"}},
		tar.Header{Typeflag: tar.TypeDir, Name: "./"},
		tar.Header{Typeflag: tar.TypeReg, Name: "./run", Mode: 0o6777, Size: 3, Uid: 0},
		tar.Header{Typeflag: tar.TypeDir, Name: "d/", Mode: 0o777}, link(tar.TypeSymlink, "d/up", "../run"), link(tar.TypeLink, "also", "run"))
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(raw)
	z.Close()
	sum := sha256.Sum256(packed.Bytes())
	var out bytes.Buffer
	if err := copySource(bytes.NewReader(packed.Bytes()), &out, "sha256:"+hex.EncodeToString(sum[:]), 1<<20); err != nil {
		t.Fatal(err)
	}
	var got []string
	for in := tar.NewReader(&out); ; {
		h, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != userID || h.Mode&^0o777 != 0 {
			t.Errorf("%s has owner %d and mode %o", h.Name, h.Uid, h.Mode)
		}
		got = append(got, string(h.Typeflag)+h.Name+">"+h.Linkname)
	}
	if want := []string{"0run>", "5d/>", "2d/up>../run", "1also>run"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSourceMustMatchItsChecksum(t *testing.T) {
	t.Parallel()
	raw := archive(t, regular("a"))
	err := copySource(bytes.NewReader(raw), io.Discard, "SHA256:"+strings.Repeat("0", 64), 1<<20)
	if cloister.KindOf(err) != cloister.Invalid || !strings.Contains(err.Error(), "does not match its checksum") {
		t.Error(err)
	}
}

func TestOtherThanTarIsRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"": "empty", "PK\x03\x04xxxx": "zip", "hello, this is not a tar": "damaged", "\x1f\x8bjunkjunk": "damaged"} {
		err := copySource(strings.NewReader(text), io.Discard, "", 1<<20)
		if cloister.KindOf(err) != cloister.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error with %q", text, err, want)
		}
	}
}

func TestSlugLandsBelowApp(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	raw := archive(t, tar.Header{Typeflag: tar.TypeDir, Name: "./"}, regular("./web.js"), link(tar.TypeSymlink, "./python", "/usr/bin/python3"), link(tar.TypeLink, "./l", "./web.js"))
	if err := copySlug(bytes.NewReader(raw), &out, 1<<20); err != nil {
		t.Fatal(err)
	}
	var got []string
	for in := tar.NewReader(&out); ; {
		h, err := in.Next()
		if err != nil {
			break
		}
		got = append(got, h.Name+">"+h.Linkname)
	}
	if want := []string{"app/>", "app/web.js>", "app/python>/usr/bin/python3", "app/l>app/web.js"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzSource(f *testing.F) {
	f.Add(archive(f, regular("a"), link(tar.TypeSymlink, "b", "a"), link(tar.TypeLink, "c", "a")))
	f.Add([]byte("\x1f\x8b\x08junk"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var out bytes.Buffer
		if copySource(bytes.NewReader(raw), &out, "", 1<<16) != nil {
			return
		}
		for in := tar.NewReader(&out); ; {
			h, err := in.Next()
			if err == io.EOF {
				return
			}
			if err != nil {
				t.Fatalf("what was passed on cannot be read: %v", err)
			}
			if strings.HasPrefix(h.Name, "/") || slices.Contains(strings.Split(h.Name, "/"), "..") {
				t.Fatalf("passed %q", h.Name)
			}
		}
	})
}
