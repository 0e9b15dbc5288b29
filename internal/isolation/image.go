package isolation

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/cloister-dev/cloister/internal/engine"
)

// probePath is a link in the image to the binary that the engine shows to every workload. By this name it is a probe.
const probePath = "/probe"

// WriteImage puts the image of the probes into an OCI layout and returns the digest of its manifest, and what takes
// it away again. There is no program in it, so it works before any stack exists.
func WriteImage(layout, init string) (digest string, remove func(), err error) {
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	for _, d := range []string{"tmp/", "etc/", "proc/", "sys/", "dev/"} {
		w.WriteHeader(&tar.Header{Name: d, Typeflag: tar.TypeDir, Mode: 0o755})
	}
	w.WriteHeader(&tar.Header{Name: probePath[1:], Typeflag: tar.TypeSymlink, Linkname: init})
	if err := w.Close(); err != nil {
		return "", nil, err
	}
	type object = map[string]any
	var written []string
	put := func(kind string, b []byte) object {
		sum := sha256.Sum256(b)
		name := hex.EncodeToString(sum[:])
		path := filepath.Join(layout, "blobs", "sha256", name)
		if err == nil {
			err = os.WriteFile(path, b, 0o644)
		}
		written = append(written, path)
		return object{"mediaType": kind, "digest": "sha256:" + name, "size": len(b)}
	}
	encode := func(v any) []byte { b, _ := json.Marshal(v); return b } // maps of text
	tarball := put("application/vnd.oci.image.layer.v1.tar", layer.Bytes())
	config := put("application/vnd.oci.image.config.v1+json", encode(object{"architecture": runtime.GOARCH, "os": "linux",
		"config": object{"User": "1000:1000", "WorkingDir": "/tmp"},
		"rootfs": object{"type": "layers", "diff_ids": []any{tarball["digest"]}}}))
	manifest := put("application/vnd.oci.image.manifest.v1+json", encode(object{"schemaVersion": 2,
		"mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": []any{tarball}}))
	remove = func() {
		for _, path := range written {
			os.Remove(path)
		}
	}
	if err != nil {
		remove()
		return "", nil, fmt.Errorf("write the image of the probes: %w", err)
	}
	return manifest["digest"].(string), remove, nil
}

// small is enough for a probe.
var small = engine.Size{Memory: 64 << 20, CPU: 500, PIDs: 64, Disk: 16 << 20}
