package store

import "github.com/cloister-dev/cloister"

const addonColumns = `id, name, service_id, plan_id, app_id, space_id, region, options, settings, state, message, provider_id, secrets, changing, created_at, updated_at`

func scanAddon(tx *Tx, r row) (a cloister.Addon, err error) {
	options := map[string]cloister.Secret{}
	err = r.Scan(&a.ID, &a.Name, &a.ServiceID, &a.PlanID, &a.AppID, &a.SpaceID, &a.Region, unsealed{tx, &options},
		document{&a.Settings}, &a.State, &a.Message, &a.ProviderID, unsealed{tx, &a.Secrets}, &a.Changing, when{&a.CreatedAt}, when{&a.UpdatedAt})
	a.Options = map[string]string{}
	for name, value := range options {
		a.Options[name] = value.Reveal()
	}
	return a, err
}

// Addon finds an add-on by id or name.
func (tx *Tx) Addon(ref string) (cloister.Addon, error) {
	return one(tx, "add_on", scanAddon, `SELECT `+addonColumns+` FROM addons WHERE id = $1 OR name = $1`, ref)
}

// An AddonFilter narrows a list of add-ons; empty fields do not.
type AddonFilter struct {
	App     string // id of the app that pays
	Space   string // id of the space that they are inside of
	Service string // id
}

// Addons lists add-ons by name.
func (tx *Tx) Addons(f AddonFilter) ([]cloister.Addon, error) {
	return many(tx, scanAddon, `
		SELECT `+addonColumns+`
		FROM addons
		WHERE ($1 = '' OR app_id = $1) AND ($2 = '' OR space_id = $2) AND ($3 = '' OR service_id = $3)
		ORDER BY name`, f.App, f.Space, f.Service)
}

// InsertAddon adds an add-on, and has control look at it; a name in use is a Conflict.
func (tx *Tx) InsertAddon(a cloister.Addon) error {
	options := map[string]cloister.Secret{}
	for name, value := range a.Options {
		options[name] = cloister.Secret(value)
	}
	if err := tx.exec(`
		INSERT INTO addons (`+addonColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		a.ID, a.Name, a.ServiceID, a.PlanID, a.AppID, a.SpaceID, a.Region, tx.sealed(options), doc(a.Settings), string(a.State),
		a.Message, a.ProviderID, tx.sealed(a.Secrets), a.Changing, at(a.CreatedAt), at(a.UpdatedAt)); err != nil {
		return err
	}
	return tx.Touch("addon", a.ID)
}

// UpdateAddon writes everything about an add-on that can change, and has control look at it.
func (tx *Tx) UpdateAddon(a cloister.Addon) error {
	if err := tx.must("add_on", `
		UPDATE addons
		SET name = $1, plan_id = $2, settings = $3, state = $4, message = $5, provider_id = $6, secrets = $7, changing = $8, updated_at = $9
		WHERE id = $10`,
		a.Name, a.PlanID, doc(a.Settings), string(a.State), a.Message, a.ProviderID, tx.sealed(a.Secrets), a.Changing, at(tx.Now), a.ID); err != nil {
		return err
	}
	return tx.Touch("addon", a.ID)
}

// endAddons has the add-ons of an app that goes end too.
func (tx *Tx) endAddons(appID string) error {
	if err := tx.exec(`UPDATE addons SET state = 'deprovisioning', updated_at = $1 WHERE app_id = $2`, at(tx.Now), appID); err != nil {
		return err
	}
	return tx.touchThese(`SELECT $1, id, 1, $2, 0, '', '' FROM addons WHERE app_id = $3`, "addon", appID)
}

// DeleteAddon removes an add-on that has ended, with its attachments and credentials.
func (tx *Tx) DeleteAddon(id string) error {
	return tx.must("add_on", `DELETE FROM addons WHERE id = $1`, id)
}

// AddonConfig is what an app gets that a part of an add-on is attached to. Its names begin with the service's prefix. It is
// empty before there is any.
func (tx *Tx) AddonConfig(addonID, namespace string) (vars map[string]cloister.Secret, err error) {
	all, err := many(tx, func(tx *Tx, r row) (v map[string]cloister.Secret, err error) { return v, r.Scan(unsealed{tx, &v}) },
		`SELECT vars FROM addon_configs WHERE addon_id = $1 AND namespace = $2`, addonID, namespace)
	if len(all) > 0 {
		vars = all[0]
	}
	return vars, err
}

// PutAddonConfig writes what apps get that a part of an add-on is attached to.
func (tx *Tx) PutAddonConfig(addonID, namespace string, vars map[string]cloister.Secret) error {
	return tx.exec(`
		INSERT INTO addon_configs (addon_id, namespace, vars)
		VALUES ($1, $2, $3)
		ON CONFLICT (addon_id, namespace) DO UPDATE
		SET vars = $3`, addonID, namespace, tx.sealed(vars))
}

// DeleteAddonConfig forgets what apps got of a part of an add-on.
func (tx *Tx) DeleteAddonConfig(addonID, namespace string) error {
	return tx.exec(`DELETE FROM addon_configs WHERE addon_id = $1 AND namespace = $2`, addonID, namespace)
}
