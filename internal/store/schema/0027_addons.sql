-- +goose Up

CREATE TABLE services (                    -- that add-ons can be made of
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,
  human_name TEXT NOT NULL,                -- spec, as all that follows
  kind       TEXT NOT NULL,
  prefix     TEXT NOT NULL,                -- of the names of its config vars
  first      TEXT NOT NULL,                -- name of its first attachment to an app
  datastore  BOOLEAN NOT NULL,
  many       BOOLEAN NOT NULL,             -- for one app
  shared     BOOLEAN NOT NULL,             -- with other apps
  state      TEXT NOT NULL,
  provider   TEXT NOT NULL,                -- JSON object: where its provider is
  secret     BYTEA NOT NULL,               -- sealed JSON object of password and salt
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
);

CREATE TABLE plans (
  id          TEXT PRIMARY KEY,
  service_id  TEXT NOT NULL REFERENCES services (id) ON DELETE CASCADE,
  name        TEXT NOT NULL,               -- within its service
  human_name  TEXT NOT NULL,               -- spec, as all that follows
  description TEXT NOT NULL,
  cents       BIGINT NOT NULL,             -- a month
  is_default  BOOLEAN NOT NULL,
  inside      BOOLEAN NOT NULL,
  outside     BOOLEAN NOT NULL,
  regions     TEXT NOT NULL,               -- JSON array, null for all
  shape       TEXT NOT NULL,               -- JSON object
  created_at  TIMESTAMP NOT NULL,
  updated_at  TIMESTAMP NOT NULL,
  UNIQUE (service_id, name)
);

CREATE TABLE addons (
  id          TEXT PRIMARY KEY,
  name        TEXT NOT NULL UNIQUE,        -- spec
  service_id  TEXT NOT NULL REFERENCES services (id),
  plan_id     TEXT NOT NULL REFERENCES plans (id), -- spec
  app_id      TEXT NOT NULL,               -- spec, fixed; no reference, as it takes time to end after its app
  space_id    TEXT NOT NULL,               -- spec, fixed; '' outside
  region      TEXT NOT NULL,               -- spec, fixed
  options     BYTEA NOT NULL,              -- spec, fixed: sealed JSON object
  settings    TEXT NOT NULL,               -- spec: JSON object
  state       TEXT NOT NULL,               -- status, but that platform makes it provisioning and deprovisioning
  message     TEXT NOT NULL,               -- status
  provider_id TEXT NOT NULL,               -- status
  secrets     BYTEA NOT NULL,              -- status: sealed JSON object
  changing    BOOLEAN NOT NULL,            -- spec: people have changed it; status: and it has been done
  created_at  TIMESTAMP NOT NULL,
  updated_at  TIMESTAMP NOT NULL
);
CREATE INDEX addons_app ON addons (app_id);
CREATE INDEX addons_space ON addons (space_id);
CREATE INDEX addons_service ON addons (service_id);
CREATE INDEX addons_plan ON addons (plan_id);

CREATE TABLE addon_configs (               -- what apps that it is attached to get
  addon_id  TEXT NOT NULL REFERENCES addons (id) ON DELETE CASCADE,
  namespace TEXT NOT NULL,                 -- '': the add-on itself
  vars      BYTEA NOT NULL,                -- status: sealed JSON object
  PRIMARY KEY (addon_id, namespace)
);

CREATE TABLE attachments (
  id         TEXT PRIMARY KEY,
  addon_id   TEXT NOT NULL REFERENCES addons (id) ON DELETE CASCADE,
  app_id     TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  name       TEXT NOT NULL,                -- spec
  namespace  TEXT NOT NULL,                -- spec, fixed
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL,
  UNIQUE (app_id, name)
);
CREATE INDEX attachments_addon ON attachments (addon_id);

CREATE TABLE instances (                   -- of add-ons inside spaces; all of it status
  addon_id   TEXT NOT NULL REFERENCES addons (id) ON DELETE CASCADE,
  slot       TEXT NOT NULL,
  zone       TEXT NOT NULL,
  workload   TEXT NOT NULL,                -- '': none runs
  address    TEXT NOT NULL,
  role       TEXT NOT NULL,
  ready      BOOLEAN NOT NULL,
  failures   BIGINT NOT NULL,
  started_at TIMESTAMP,
  ended_at   TIMESTAMP,
  PRIMARY KEY (addon_id, slot)
);

CREATE TABLE credentials (
  addon_id   TEXT NOT NULL REFERENCES addons (id) ON DELETE CASCADE,
  name       TEXT NOT NULL,
  user_name  TEXT NOT NULL,                -- spec, fixed
  secret     BYTEA NOT NULL,               -- spec: sealed JSON object of password and old
  state      TEXT NOT NULL,                -- status, but that platform has it begin, rotate and end
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL,
  PRIMARY KEY (addon_id, name)
);

CREATE TABLE images (                      -- of data services, made on this machine
  name       TEXT PRIMARY KEY,
  digest     TEXT NOT NULL,
  created_at TIMESTAMP NOT NULL
);

ALTER TABLE releases ADD COLUMN attached TEXT NOT NULL DEFAULT '[]'; -- JSON array: which config vars came from attachments
