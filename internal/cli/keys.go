package cli

import (
	"context"
	"os"
	"path/filepath"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type keys struct {
	JSON bool `help:"Print JSON."`
}

// Run lists the caller's SSH keys.
func (c *keys) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	all, err := h.Keys(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.Term.JSON(heroku.List[heroku.Key](all))
	}
	if len(all) == 0 {
		s.Term.Line("You have no SSH keys\nUse `cloister keys:add` to add one.")
		return nil
	}
	var rows [][]string
	for _, k := range all {
		rows = append(rows, []string{k.Comment, k.Fingerprint, k.CreatedAt.Text()})
	}
	s.Term.Table([]string{"Key", "Fingerprint", "Added"}, rows)
	return nil
}

type keyAdd struct {
	File string `arg:"" optional:"" help:"A public key file; without it, one of ~/.ssh."`
}

// Run uploads an SSH key, by which one comes to git.
func (c *keyAdd) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	if c.File == "" {
		for _, name := range []string{"id_ed25519.pub", "id_ecdsa.pub", "id_rsa.pub"} {
			file := filepath.Join(s.getenv("HOME"), ".ssh", name)
			if _, err := os.Stat(file); err == nil {
				c.File = file
				break
			}
		}
	}
	if c.File == "" {
		return complain("There is no public key in ~/.ssh. Make one (`ssh-keygen -t ed25519`), or name its file.")
	}
	line, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	return s.during("Uploading "+c.File, func() (string, error) {
		k, err := h.CreateKey(ctx, heroku.KeyCreateOpts{PublicKey: string(line)})
		return k.Fingerprint, err
	})
}

type keyRemove struct {
	Key string `arg:"" help:"The key's name, as keys prints it, its fingerprint or its id."`
}

// Run takes an SSH key away.
func (c *keyRemove) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	return s.during("Removing SSH key "+c.Key, func() (string, error) {
		all, err := h.Keys(ctx)
		if err != nil {
			return "", err
		}
		found := ""
		for _, k := range all {
			if c.Key != k.Comment && c.Key != k.Fingerprint && c.Key != k.ID {
				continue
			}
			if found != "" {
				return "", complain("Several keys are called %s. Use the fingerprint of one.", c.Key)
			}
			found = k.ID
		}
		if found == "" {
			return "", complain("You have no SSH key %s.", c.Key)
		}
		return "", h.DeleteKey(ctx, found)
	})
}
