package store

import "github.com/cloister-dev/cloister"

const serviceColumns = `id, name, human_name, kind, prefix, first, datastore, many, shared, state, provider, secret, created_at, updated_at`

func scanService(tx *Tx, r row) (s cloister.AddonService, err error) {
	sealed := map[string]cloister.Secret{}
	err = r.Scan(&s.ID, &s.Name, &s.HumanName, &s.Kind, &s.Prefix, &s.First, &s.Datastore, &s.Many, &s.Shared, &s.State,
		document{&s.Provider}, unsealed{tx, &sealed}, when{&s.CreatedAt}, when{&s.UpdatedAt})
	s.Provider.Password, s.Provider.Salt = sealed["password"], sealed["salt"]
	return s, err
}

// provider is where the provider of a service is, without its secrets, and those.
func (tx *Tx) provider(p cloister.Provider) (open string, secrets []byte) {
	secrets = tx.sealed(map[string]cloister.Secret{"password": p.Password, "salt": p.Salt})
	p.Password, p.Salt = "", ""
	return doc(p), secrets
}

// Service finds an add-on service by id or name.
func (tx *Tx) Service(ref string) (cloister.AddonService, error) {
	return one(tx, "addon_service", scanService, `SELECT `+serviceColumns+` FROM services WHERE id = $1 OR name = $1`, ref)
}

// Services lists all add-on services by name.
func (tx *Tx) Services() ([]cloister.AddonService, error) {
	return many(tx, scanService, `SELECT `+serviceColumns+` FROM services ORDER BY name`)
}

// InsertService adds an add-on service; a name in use is a Conflict.
func (tx *Tx) InsertService(s cloister.AddonService) error {
	open, secrets := tx.provider(s.Provider)
	return tx.exec(`INSERT INTO services (`+serviceColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		s.ID, s.Name, s.HumanName, s.Kind, s.Prefix, s.First, s.Datastore, s.Many, s.Shared, string(s.State), open, secrets, at(s.CreatedAt), at(s.UpdatedAt))
}

// UpdateService writes everything about an add-on service that can change.
func (tx *Tx) UpdateService(s cloister.AddonService) error {
	open, secrets := tx.provider(s.Provider)
	return tx.must("addon_service", `
		UPDATE services
		SET human_name = $1, prefix = $2, first = $3, datastore = $4, many = $5, shared = $6, state = $7, provider = $8, secret = $9, updated_at = $10
		WHERE id = $11`,
		s.HumanName, s.Prefix, s.First, s.Datastore, s.Many, s.Shared, string(s.State), open, secrets, at(tx.Now), s.ID)
}

// DeleteService removes an add-on service and its plans. While there are add-ons of it, that is a Conflict.
func (tx *Tx) DeleteService(id string) error {
	return tx.must("addon_service", `DELETE FROM services WHERE id = $1`, id)
}

const planColumns = `id, service_id, name, human_name, description, cents, is_default, inside, outside, regions, shape, created_at, updated_at`

func scanPlan(_ *Tx, r row) (p cloister.Plan, err error) {
	err = r.Scan(&p.ID, &p.ServiceID, &p.Name, &p.HumanName, &p.Description, &p.Cents, &p.Default, &p.Inside, &p.Outside,
		document{&p.Regions}, document{&p.Shape}, when{&p.CreatedAt}, when{&p.UpdatedAt})
	return p, err
}

// Plan finds a plan of a service by id or name.
func (tx *Tx) Plan(serviceID, ref string) (cloister.Plan, error) {
	return one(tx, "plan", scanPlan, `SELECT `+planColumns+` FROM plans WHERE service_id = $1 AND (id = $2 OR name = $2)`, serviceID, ref)
}

// AllPlans lists the plans of all services by service and price.
func (tx *Tx) AllPlans() ([]cloister.Plan, error) {
	return many(tx, scanPlan, `SELECT `+planColumns+` FROM plans ORDER BY service_id, cents, name`)
}

// Plans lists the plans of a service by price.
func (tx *Tx) Plans(serviceID string) ([]cloister.Plan, error) {
	return many(tx, scanPlan, `SELECT `+planColumns+` FROM plans WHERE service_id = $1 ORDER BY cents, name`, serviceID)
}

// PutPlan adds a plan to a service, or writes everything about it but its id.
func (tx *Tx) PutPlan(p cloister.Plan) error {
	return tx.exec(`
		INSERT INTO plans (`+planColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
		ON CONFLICT (service_id, name) DO UPDATE
		SET human_name = $4, description = $5, cents = $6, is_default = $7, inside = $8, outside = $9, regions = $10, shape = $11, updated_at = $13`,
		p.ID, p.ServiceID, p.Name, p.HumanName, p.Description, p.Cents, p.Default, p.Inside, p.Outside, doc(p.Regions), doc(p.Shape),
		at(p.CreatedAt), at(tx.Now))
}

// DeletePlan removes a plan. While there are add-ons of it, that is a Conflict.
func (tx *Tx) DeletePlan(id string) error {
	return tx.must("plan", `DELETE FROM plans WHERE id = $1`, id)
}

// PutImage says which image a data service is made of from now on.
func (tx *Tx) PutImage(name, digest string) error {
	return tx.exec(`
		INSERT INTO images (name, digest, created_at)
		VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE
		SET digest = $2, created_at = $3`, name, digest, at(tx.Now))
}

// Image is the digest of the image that a data service is made of.
func (tx *Tx) Image(name string) (string, error) {
	return one(tx, "image", value[string], `SELECT digest FROM images WHERE name = $1`, name)
}
