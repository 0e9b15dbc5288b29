package control

import (
	"context"
	"fmt"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// rollBack makes a release of the code and config vars of an earlier one, as a person could, since the dynos of the
// current one do not come up. It reports false if that is not current any more, or the other can not be gone back to.
func (c *Control) rollBack(ctx context.Context, s appState, to string) (bool, error) {
	var old, made cloister.Release
	err := c.store.Update(ctx, func(tx *store.Tx) error {
		made = cloister.Release{}
		now, err := tx.NewestRelease(s.app.ID) // one that is pending may be the cure
		if err != nil || now.ID != s.release.ID {
			return err
		}
		if old, err = tx.Release(s.app.ID, to); err != nil || !old.CanRollBack() {
			return err
		}
		app, err := tx.App(s.app.ID)
		if err != nil {
			return err
		}
		made, err = tx.AddRelease(app, cloister.Release{SlugID: old.SlugID, Config: old.Config, Attached: old.Attached, Automatic: true,
			Description: fmt.Sprintf("Rollback to v%d", old.Version), UserID: now.UserID, UserEmail: now.UserEmail},
			cloister.DefaultSize(s.space.Shield))
		return err
	})
	if err != nil || made.ID == "" {
		return false, err
	}
	for _, text := range []string{
		fmt.Sprintf("Release v%d does not come up", s.release.Version),
		made.Description,
		fmt.Sprintf("Release v%d created", made.Version),
	} {
		c.logs.Platform(s.app.ID, "api", time.Now(), text)
	}
	c.log.Warn("release was rolled back", "app", s.app.Name, "release", s.release.Version, "to", old.Version)
	return true, nil
}
