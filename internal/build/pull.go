package build

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/cloister-dev/cloister"
)

// PullStack makes a stack of two images in a registry, such as the published run and build images of Heroku's
// stacks. Credentials come from the usual configuration file of the user that runs it. The images are kept as they
// are, but for the user and the directory that processes start with.
func PullStack(ctx context.Context, store *Store, stack, runRef, buildRef string) (cloister.Stack, error) {
	s := cloister.Stack{Name: stack, CreatedAt: time.Now().UTC()}
	var err error
	if s.RunImage, err = pull(ctx, store, runRef, stack+" run"); err != nil {
		return cloister.Stack{}, err
	}
	if s.BuildImage, err = pull(ctx, store, buildRef, stack+" build"); err != nil {
		return cloister.Stack{}, err
	}
	return s, nil
}

func pull(ctx context.Context, store *Store, ref, label string) (string, error) {
	r, err := name.ParseReference(ref)
	if err != nil {
		return "", cloister.Errorf(cloister.Invalid, "%q is not the name of an image.", ref)
	}
	img, err := remote.Image(r, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithPlatform(v1.Platform{OS: "linux", Architecture: runtime.GOARCH}))
	if err != nil {
		return "", fmt.Errorf("pull %s: %w", ref, err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		return "", fmt.Errorf("read the configuration of %s: %w", ref, err)
	}
	file = file.DeepCopy()
	file.Config.User, file.Config.WorkingDir = imageUser, appDir
	if img, err = mutate.ConfigFile(img, file); err != nil {
		return "", fmt.Errorf("configure %s: %w", ref, err)
	}
	return store.Put(ctx, img, label)
}
