package store

import "github.com/cloister-dev/cloister"

const stackColumns = `name, run_image, build_image, is_default, created_at`

func scanStack(_ *Tx, r row) (s cloister.Stack, err error) {
	err = r.Scan(&s.Name, &s.RunImage, &s.BuildImage, &s.Default, when{&s.CreatedAt})
	return s, err
}

// Stack finds a stack by name.
func (tx *Tx) Stack(name string) (cloister.Stack, error) {
	return one(tx, "stack", scanStack, `SELECT `+stackColumns+` FROM stacks WHERE name = $1`, name)
}

// Stacks lists all stacks by name.
func (tx *Tx) Stacks() ([]cloister.Stack, error) {
	return many(tx, scanStack, `SELECT `+stackColumns+` FROM stacks ORDER BY name`)
}

// PutStack adds a stack or replaces its images. The default stack takes the place of the one before.
func (tx *Tx) PutStack(s cloister.Stack) error {
	if s.Default {
		if err := tx.exec(`UPDATE stacks SET is_default = $1`, false); err != nil {
			return err
		}
	}
	return tx.exec(`
		INSERT INTO stacks (`+stackColumns+`)
		VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (name) DO UPDATE
		SET run_image = $2, build_image = $3, is_default = $4, created_at = $5`,
		s.Name, s.RunImage, s.BuildImage, s.Default, at(s.CreatedAt))
}
