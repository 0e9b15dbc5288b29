package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// DefaultURL is where a server is that was started without saying where.
const DefaultURL = "http://localhost:5100"

// A Config is what the command line keeps: which server, and who one is there. Only its owner may read the file.
type Config struct {
	URL   string `json:"url"`
	CA    string `json:"ca,omitempty"` // path of the server's CA certificate, PEM
	Token string `json:"token,omitempty"`
	Email string `json:"email,omitempty"`
}

// configFile is the file that holds the Config: the flag's, CLOISTER_CONFIG's, or the usual place of the system.
func configFile(flag string, getenv func(string) string) string {
	if f := first(flag, getenv("CLOISTER_CONFIG")); f != "" {
		return f
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "cloister", "config.json")
}

// readConfig reads the file; a missing one is an empty Config.
func readConfig(file string) (Config, error) {
	var c Config
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) || file == "" {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("read the configuration: %w", err)
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("read the configuration %s: %w", file, err)
	}
	return c, nil
}

// WriteConfig replaces the file as a whole, readable only by its owner.
func WriteConfig(file string, c Config) error {
	if file == "" {
		return errors.New("this system has no place for configuration; name a file with --config")
	}
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(file, append(b, '\n'))
}

// writeFile writes beside the file and renames, so that a reader sees the old one or the new one.
func writeFile(file string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(content)
	if err := errors.Join(err, tmp.Close()); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return os.Rename(tmp.Name(), file) // CreateTemp made it 0600
}
