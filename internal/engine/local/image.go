package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cloister-dev/cloister"
)

const snapshotter = "overlayfs"

// An imageStore is where workloads get their files from. An image is imported from the layout and unpacked on first
// use, and then only looked at: a workload's own writes go to a disk of its own.
type imageStore struct {
	daemon *daemon
	layout string

	mu    sync.Mutex
	known map[string]*image
}

// An image is unpacked and ready.
type image struct {
	once   sync.Mutex // held while it is imported
	Config ocispec.ImageConfig
	Lower  []string // directories of its layers, topmost first, as overlayfs takes them
}

func newImageStore(d *daemon, layout string) *imageStore {
	return &imageStore{daemon: d, layout: layout, known: map[string]*image{}}
}

// ensure makes an image ready. Calls for the same image wait for each other, others do not.
func (s *imageStore) ensure(ctx context.Context, manifest string) (*image, error) {
	dgst, err := digest.Parse(manifest)
	if err != nil || dgst.Algorithm() != digest.SHA256 {
		return nil, cloister.Errorf(cloister.Invalid, "Image %q is not a digest of the form sha256:….", manifest)
	}
	s.mu.Lock()
	i := s.known[manifest]
	if i == nil {
		i = &image{}
		s.known[manifest] = i
	}
	s.mu.Unlock()
	i.once.Lock()
	defer i.once.Unlock()
	if i.Lower != nil {
		return i, nil
	}
	ctx = s.daemon.with(ctx)
	if err := s.look(ctx, i, dgst); !errdefs.IsNotFound(err) {
		return i, err
	}
	if err := s.fetch(ctx, dgst); err != nil {
		return nil, fmt.Errorf("import image %s: %w", dgst, err)
	}
	return i, s.look(ctx, i, dgst)
}

// look fills in i from what containerd has, or says that something is not found.
func (s *imageStore) look(ctx context.Context, i *image, dgst digest.Digest) error {
	client := s.daemon.client
	meta, err := client.ImageService().Get(ctx, imageName(dgst))
	if err != nil {
		return fmt.Errorf("look up image: %w", err)
	}
	spec, err := containerd.NewImageWithPlatform(client, meta, platforms.All).Spec(ctx)
	if err != nil {
		return fmt.Errorf("read image config: %w", err)
	}
	mounts, err := client.SnapshotService(snapshotter).Mounts(ctx, viewName(dgst))
	if err != nil {
		return fmt.Errorf("look up layers: %w", err)
	}
	lower, err := lowerDirs(mounts)
	if err != nil {
		return err
	}
	i.Config, i.Lower = spec.Config, lower
	return nil
}

// fetch copies an image from the layout into containerd, unpacks it, and keeps a view of its layers for good.
func (s *imageStore) fetch(ctx context.Context, dgst digest.Digest) error {
	client := s.daemon.client
	ctx, done, err := client.WithLease(ctx, leases.WithRandomID(), leases.WithExpiration(time.Hour))
	if err != nil {
		return fmt.Errorf("take lease: %w", err)
	}
	defer done(context.WithoutCancel(ctx))

	text, err := os.ReadFile(s.blob(dgst))
	if errors.Is(err, os.ErrNotExist) {
		return cloister.Errorf(cloister.NotFound, "Couldn't find image %s.", dgst)
	}
	if err != nil {
		return fmt.Errorf("read manifest: %w", err)
	}
	if actual := digest.FromBytes(text); actual != dgst {
		return cloister.Checksum(dgst.Encoded(), actual.Encoded())
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(text, &m); err != nil || m.Config.Digest == "" {
		return cloister.Errorf(cloister.Invalid, "%s is not an image manifest.", dgst)
	}
	target := ocispec.Descriptor{MediaType: m.MediaType, Digest: dgst, Size: int64(len(text))}
	if target.MediaType == "" {
		target.MediaType = ocispec.MediaTypeImageManifest
	}
	refs := map[string]string{"containerd.io/gc.ref.content.config": m.Config.Digest.String()}
	for n, l := range m.Layers {
		refs[fmt.Sprintf("containerd.io/gc.ref.content.l.%d", n)] = l.Digest.String()
		if err := s.copy(ctx, l, nil); err != nil {
			return err
		}
	}
	if err := s.copy(ctx, m.Config, nil); err != nil {
		return err
	}
	if err := s.copy(ctx, target, refs); err != nil {
		return err
	}
	meta, err := client.ImageService().Create(ctx, images.Image{Name: imageName(dgst), Target: target})
	if errdefs.IsAlreadyExists(err) {
		meta, err = client.ImageService().Get(ctx, imageName(dgst))
	}
	if err != nil {
		return fmt.Errorf("record image: %w", err)
	}
	img := containerd.NewImageWithPlatform(client, meta, platforms.All)
	if err := img.Unpack(ctx, snapshotter); err != nil {
		return fmt.Errorf("unpack image: %w", err)
	}
	layers, err := img.RootFS(ctx)
	if err != nil {
		return fmt.Errorf("read image config: %w", err)
	}
	root := snapshots.WithLabels(map[string]string{"containerd.io/gc.root": time.Now().UTC().Format(time.RFC3339)})
	_, err = client.SnapshotService(snapshotter).View(ctx, viewName(dgst), identity.ChainID(layers).String(), root)
	if err != nil && !errdefs.IsAlreadyExists(err) {
		return fmt.Errorf("keep layers: %w", err)
	}
	return nil
}

func (s *imageStore) copy(ctx context.Context, d ocispec.Descriptor, labels map[string]string) error {
	f, err := os.Open(s.blob(d.Digest))
	if errors.Is(err, os.ErrNotExist) {
		return cloister.Errorf(cloister.NotFound, "Couldn't find a part of the image: %s.", d.Digest)
	}
	if err != nil {
		return fmt.Errorf("open blob: %w", err)
	}
	defer f.Close()
	ref := "import-" + d.Digest.String()
	err = content.WriteBlob(ctx, s.daemon.client.ContentStore(), ref, f, d, content.WithLabels(labels))
	if err == nil {
		return nil
	}
	s.daemon.client.ContentStore().Abort(ctx, ref) // another try begins anew, and not where this one has ended
	return errors.Join(s.verify(d.Digest), fmt.Errorf("copy blob %s: %w", d.Digest, err))
}

// verify is Corrupt if a blob of the layout is not what its name says.
func (s *imageStore) verify(d digest.Digest) error {
	f, err := os.Open(s.blob(d))
	if err != nil {
		return fmt.Errorf("open blob: %w", err)
	}
	defer f.Close()
	actual, err := d.Algorithm().FromReader(f)
	if err == nil && actual != d {
		err = cloister.Checksum(d.Encoded(), actual.Encoded())
	}
	return err
}

// sweep forgets images that are no longer in the layout and that no workload uses.
func (s *imageStore) sweep(ctx context.Context, used func(manifest string) bool) error {
	ctx = s.daemon.with(ctx)
	list, err := s.daemon.client.ImageService().List(ctx)
	if err != nil {
		return fmt.Errorf("list images: %w", err)
	}
	for _, i := range list {
		dgst := i.Target.Digest
		if _, err := os.Stat(s.blob(dgst)); err == nil || used(dgst.String()) {
			continue
		}
		s.mu.Lock()
		delete(s.known, dgst.String())
		s.mu.Unlock()
		err := s.daemon.client.SnapshotService(snapshotter).Remove(ctx, viewName(dgst))
		if err != nil && !errdefs.IsNotFound(err) {
			return fmt.Errorf("forget layers: %w", err)
		}
		if err := s.daemon.client.ImageService().Delete(ctx, i.Name); err != nil && !errdefs.IsNotFound(err) {
			return fmt.Errorf("forget image: %w", err)
		}
	}
	return nil
}

func (s *imageStore) blob(d digest.Digest) string {
	return filepath.Join(s.layout, "blobs", d.Algorithm().String(), d.Encoded())
}

func imageName(d digest.Digest) string { return "cloister@" + d.String() }
func viewName(d digest.Digest) string  { return "view-" + d.Encoded() }

// lowerDirs finds the directories of the layers in the mounts of a view: one is a bind, several are an overlay.
func lowerDirs(mounts []mount.Mount) ([]string, error) {
	for _, m := range mounts {
		if m.Type == "bind" {
			return []string{m.Source}, nil
		}
		for _, o := range m.Options {
			if dirs, ok := strings.CutPrefix(o, "lowerdir="); ok && m.Type == "overlay" {
				return strings.Split(dirs, ":"), nil
			}
		}
	}
	return nil, fmt.Errorf("view of an image is neither bind nor overlay: %v", mounts)
}
