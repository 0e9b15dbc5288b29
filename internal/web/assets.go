package web

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"path"
)

// assets are the files that pages are made of, in pages and at the root.
var assets = []string{"style.css", "live.js", "icon.svg"}

// versions are the beginnings of the sums of the assets, which are part of their addresses in pages: what is in a browser's cache
// is not asked for again, and not used when there is another one.
var versions = func() map[string]string {
	out := map[string]string{}
	for _, name := range assets {
		b, err := files.ReadFile("pages/" + name)
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(b)
		out[name] = hex.EncodeToString(sum[:6])
	}
	return out
}()

// asset is the address of an asset.
func asset(name string) string { return "/" + name + "?v=" + versions[name] }

func serveAsset(rw http.ResponseWriter, r *http.Request) {
	name := path.Base(r.URL.Path)
	if r.URL.Query().Get("v") == versions[name] {
		rw.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeFileFS(rw, r, files, "pages/"+name)
}
