package store

import (
	"maps"
	"slices"

	"github.com/cloister-dev/cloister"
)

const attachmentColumns = `attachments.id, attachments.addon_id, attachments.app_id, attachments.name, attachments.namespace, attachments.created_at, attachments.updated_at`

func scanAttachment(_ *Tx, r row) (t cloister.Attachment, err error) {
	err = r.Scan(&t.ID, &t.AddonID, &t.AppID, &t.Name, &t.Namespace, when{&t.CreatedAt}, when{&t.UpdatedAt})
	return t, err
}

// Attachment finds an attachment by id.
func (tx *Tx) Attachment(id string) (cloister.Attachment, error) {
	return one(tx, "add_on attachment", scanAttachment, `SELECT `+attachmentColumns+` FROM attachments WHERE id = $1`, id)
}

// Attachments lists what is attached to an app, by name.
func (tx *Tx) Attachments(appID string) ([]cloister.Attachment, error) {
	return many(tx, scanAttachment, `SELECT `+attachmentColumns+` FROM attachments WHERE app_id = $1 ORDER BY name`, appID)
}

// AttachmentsOf lists what an add-on is attached as, the oldest first.
func (tx *Tx) AttachmentsOf(addonID string) ([]cloister.Attachment, error) {
	return many(tx, scanAttachment, `SELECT `+attachmentColumns+` FROM attachments WHERE addon_id = $1 ORDER BY created_at, id`, addonID)
}

// InsertAttachment attaches an add-on to an app; a name in use there is a Conflict.
func (tx *Tx) InsertAttachment(t cloister.Attachment) error {
	return tx.exec(`
		INSERT INTO attachments (id, addon_id, app_id, name, namespace, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		t.ID, t.AddonID, t.AppID, t.Name, t.Namespace, at(t.CreatedAt), at(t.UpdatedAt))
}

// DeleteAttachment detaches an add-on from an app.
func (tx *Tx) DeleteAttachment(id string) error {
	return tx.must("add_on attachment", `DELETE FROM attachments WHERE id = $1`, id)
}

// attached are the config vars that an app gets from what is attached to it.
func (tx *Tx) attached(appID string) (map[string]cloister.Secret, error) {
	out := map[string]cloister.Secret{}
	_, err := many(tx, func(tx *Tx, r row) (none struct{}, err error) {
		var t cloister.Attachment
		var prefix string
		var vars map[string]cloister.Secret
		if err = r.Scan(&t.Name, &prefix, unsealed{tx, &vars}); err == nil {
			for name, value := range t.Vars(prefix, vars) {
				out[name] = value
			}
		}
		return none, err
	}, `
		SELECT t.name, s.prefix, c.vars
		FROM attachments t
		JOIN addons a ON a.id = t.addon_id
		JOIN services s ON s.id = a.service_id
		JOIN addon_configs c ON c.addon_id = t.addon_id AND c.namespace = t.namespace
		WHERE t.app_id = $1
		ORDER BY t.created_at, t.id`, appID)
	return out, err
}

// attach gives a release the config vars of what is attached to its app, and has it remember which those are. last is the
// version before.
func (tx *Tx) attach(r *cloister.Release, last int) error {
	before := r.Attached
	if before == nil {
		old, err := tx.ReleaseByVersion(r.AppID, last)
		if err != nil && cloister.KindOf(err) != cloister.NotFound {
			return err
		}
		before = old.Attached
	}
	now, err := tx.attached(r.AppID)
	r.Config, r.Attached = cloister.WithAttached(r.Config, before, now), slices.Sorted(maps.Keys(now))
	return err
}

// Rebind has an app's config vars follow its attachments, by a release, if that changes anything. r needs only a
// description and its user; made tells whether there is a release.
func (tx *Tx) Rebind(app cloister.App, r cloister.Release, size string) (_ cloister.Release, made bool, err error) {
	newest, err := tx.NewestRelease(app.ID)
	if err != nil {
		return r, false, err
	}
	version, err := tx.LastVersion(app.ID)
	if err != nil {
		return r, false, err
	}
	last, err := tx.ReleaseByVersion(app.ID, version)
	if err != nil {
		return r, false, err
	}
	now, err := tx.attached(app.ID)
	if err != nil || maps.Equal(cloister.WithAttached(app.Config, last.Attached, now), app.Config) {
		return r, false, err
	}
	r.SlugID, r.Config = newest.SlugID, app.Config
	r, err = tx.AddRelease(app, r, size)
	return r, err == nil, err
}

// A Bound is an app whose config vars have changed with an add-on, and the release by which they did.
type Bound struct {
	App     cloister.App
	Release cloister.Release
}

// Bind writes what apps get of an add-on, by namespace, and makes a release of each app for which that is another thing than
// before. why describes the release, by the attachment and the names of its config vars; user is who made it.
func (tx *Tx) Bind(addon cloister.Addon, service cloister.AddonService, config map[string]map[string]cloister.Secret, user string, why func(cloister.Attachment, []string) string) (out []Bound, err error) {
	for namespace, vars := range config {
		if err := tx.PutAddonConfig(addon.ID, namespace, vars); err != nil {
			return nil, err
		}
	}
	attached, err := tx.AttachmentsOf(addon.ID)
	if err != nil {
		return nil, err
	}
	for _, t := range attached {
		app, err := tx.App(t.AppID)
		if err != nil {
			return nil, err
		}
		space, err := tx.Space(app.SpaceID)
		if err != nil {
			return nil, err
		}
		names := slices.Sorted(maps.Keys(t.Vars(service.Prefix, config[t.Namespace])))
		r, made, err := tx.Rebind(app, cloister.Release{Description: why(t, names), UserEmail: user}, cloister.DefaultSize(space.Shield))
		if err != nil {
			return nil, err
		}
		if made {
			out = append(out, Bound{app, r})
		}
	}
	return out, nil
}
