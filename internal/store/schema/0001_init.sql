-- +goose Up

-- One text for SQLite and PostgreSQL: TEXT, BIGINT, BOOLEAN, BYTEA and TIMESTAMP, and nothing that only one of them has.
-- Each column has one writer. "spec" columns are written by package platform, "status" columns by package control.

CREATE TABLE settings (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE users (
  id            TEXT PRIMARY KEY,
  email         TEXT NOT NULL UNIQUE,
  name          TEXT NOT NULL,
  password_hash TEXT NOT NULL,            -- argon2id; '' when the user cannot sign in by password
  operator      BOOLEAN NOT NULL,
  created_at    TIMESTAMP NOT NULL,
  updated_at    TIMESTAMP NOT NULL
);

CREATE TABLE authorizations (
  id          TEXT PRIMARY KEY,
  user_id     TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  description TEXT NOT NULL,
  scope       TEXT NOT NULL,              -- JSON array
  hash        TEXT NOT NULL UNIQUE,       -- of the token, which itself is nowhere
  hint        TEXT NOT NULL,
  expires_at  TIMESTAMP,
  created_at  TIMESTAMP NOT NULL,
  updated_at  TIMESTAMP NOT NULL
);
CREATE INDEX authorizations_user ON authorizations (user_id);

CREATE TABLE teams (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
);

CREATE TABLE members (
  id         TEXT PRIMARY KEY,
  team_id    TEXT NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
  user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role       TEXT NOT NULL,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL,
  UNIQUE (team_id, user_id)
);

CREATE TABLE spaces (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,        -- spec
  team_id    TEXT NOT NULL REFERENCES teams (id), -- spec
  region     TEXT NOT NULL,               -- spec, fixed
  shield     BOOLEAN NOT NULL,            -- spec, fixed
  cidr       TEXT NOT NULL,               -- spec, fixed
  data_cidr  TEXT NOT NULL,               -- spec, fixed
  outbound   TEXT NOT NULL,               -- spec, fixed: JSON array of addresses
  state      TEXT NOT NULL,               -- status; platform only ever sets 'deleting'
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
);
CREATE INDEX spaces_team ON spaces (team_id);

-- The stable outbound addresses in use. The primary key is what keeps two spaces from sharing one.
CREATE TABLE outbound (
  address  TEXT PRIMARY KEY,
  space_id TEXT NOT NULL REFERENCES spaces (id) ON DELETE CASCADE
);

CREATE TABLE rulesets (
  id         TEXT PRIMARY KEY,
  space_id   TEXT NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
  seq        BIGINT NOT NULL,             -- counts up within a space; the highest counts
  sources    TEXT NOT NULL,               -- JSON array of ranges
  created_by TEXT NOT NULL,
  created_at TIMESTAMP NOT NULL,
  applied    BOOLEAN NOT NULL,            -- status
  UNIQUE (space_id, seq)
);

CREATE TABLE apps (
  id               TEXT PRIMARY KEY,
  name             TEXT NOT NULL UNIQUE,
  space_id         TEXT NOT NULL REFERENCES spaces (id),
  team_id          TEXT NOT NULL REFERENCES teams (id),
  stack            TEXT NOT NULL,
  build_stack      TEXT NOT NULL,
  label            TEXT NOT NULL,
  maintenance      BOOLEAN NOT NULL,
  internal_routing BOOLEAN NOT NULL,
  locked           BOOLEAN NOT NULL,
  buildpacks       TEXT NOT NULL,         -- JSON array of {Name, URL}
  detected         TEXT NOT NULL,
  config           BYTEA NOT NULL,        -- sealed JSON object
  repo_size        BIGINT NOT NULL,
  slug_size        BIGINT NOT NULL,
  released_at      TIMESTAMP,
  created_at       TIMESTAMP NOT NULL,
  updated_at       TIMESTAMP NOT NULL
);
CREATE INDEX apps_space ON apps (space_id);
CREATE INDEX apps_team ON apps (team_id);

CREATE TABLE slugs (
  id            TEXT PRIMARY KEY,
  app_id        TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  checksum      TEXT NOT NULL,
  commit_id     TEXT NOT NULL,
  commit_text   TEXT NOT NULL,
  stack         TEXT NOT NULL,
  detected      TEXT NOT NULL,
  process_types TEXT NOT NULL,            -- JSON object
  size          BIGINT NOT NULL,
  image         TEXT NOT NULL,
  created_at    TIMESTAMP NOT NULL,
  updated_at    TIMESTAMP NOT NULL
);
CREATE INDEX slugs_app ON slugs (app_id);

CREATE TABLE releases (
  id          TEXT PRIMARY KEY,
  app_id      TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  version     BIGINT NOT NULL,
  slug_id     TEXT NOT NULL,              -- '' before the first deploy
  config      BYTEA NOT NULL,             -- sealed JSON object: the config vars of this release
  description TEXT NOT NULL,
  user_id     TEXT NOT NULL,
  user_email  TEXT NOT NULL,
  status      TEXT NOT NULL,              -- status
  created_at  TIMESTAMP NOT NULL,
  updated_at  TIMESTAMP NOT NULL,
  UNIQUE (app_id, version)
);

CREATE TABLE process_types (
  id         TEXT PRIMARY KEY,
  app_id     TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  type       TEXT NOT NULL,
  command    TEXT NOT NULL,
  quantity   BIGINT NOT NULL,
  size       TEXT NOT NULL,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL,
  UNIQUE (app_id, type)
);

CREATE TABLE dynos (                      -- status, all of it but restart
  id         TEXT PRIMARY KEY,
  app_id     TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  space_id   TEXT NOT NULL,
  type       TEXT NOT NULL,
  number     BIGINT NOT NULL,
  release_id TEXT NOT NULL,
  version    BIGINT NOT NULL,
  size       TEXT NOT NULL,
  command    TEXT NOT NULL,
  zone       TEXT NOT NULL,
  state      TEXT NOT NULL,
  restart    BOOLEAN NOT NULL,            -- spec: replace this dyno
  retire_at  TIMESTAMP,
  stop_at    TIMESTAMP,
  address    TEXT NOT NULL,
  endpoint   TEXT NOT NULL,
  up_at      TIMESTAMP,
  ended_at   TIMESTAMP,
  exit       BIGINT NOT NULL,
  crashes    BIGINT NOT NULL,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
);
CREATE INDEX dynos_app ON dynos (app_id);
CREATE INDEX dynos_space ON dynos (space_id);

CREATE TABLE builds (
  id           TEXT PRIMARY KEY,
  app_id       TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  user_id      TEXT NOT NULL,
  user_email   TEXT NOT NULL,
  status       TEXT NOT NULL,             -- status
  source_url   TEXT NOT NULL,
  checksum     TEXT NOT NULL,
  version      TEXT NOT NULL,
  version_text TEXT NOT NULL,
  stack        TEXT NOT NULL,
  buildpacks   TEXT NOT NULL,             -- JSON array; status: those that were used
  submodules   TEXT NOT NULL,             -- JSON array
  from_git     BOOLEAN NOT NULL,
  message      TEXT NOT NULL,             -- status
  slug_id      TEXT NOT NULL,             -- status
  release_id   TEXT NOT NULL,             -- status
  canceled     BOOLEAN NOT NULL,          -- spec
  created_at   TIMESTAMP NOT NULL,
  updated_at   TIMESTAMP NOT NULL
);
CREATE INDEX builds_app ON builds (app_id);

CREATE TABLE stacks (
  name        TEXT PRIMARY KEY,
  run_image   TEXT NOT NULL,
  build_image TEXT NOT NULL,
  is_default  BOOLEAN NOT NULL,
  created_at  TIMESTAMP NOT NULL
);

CREATE TABLE events (                     -- append only
  seq    BIGINT PRIMARY KEY,
  at     TIMESTAMP NOT NULL,
  actor  TEXT NOT NULL,
  kind   TEXT NOT NULL,
  id     TEXT NOT NULL,
  action TEXT NOT NULL,
  text   TEXT NOT NULL
);
CREATE INDEX events_object ON events (kind, id);

CREATE TABLE work (                       -- who must be looked at, and when. The queue is this table.
  kind         TEXT NOT NULL,
  id           TEXT NOT NULL,
  rev          BIGINT NOT NULL,           -- bumped by every Touch; a Step finishes only the rev it started
  due_at       TIMESTAMP NOT NULL,
  attempts     BIGINT NOT NULL,
  last_error   TEXT NOT NULL,
  leased_by    TEXT NOT NULL,
  leased_until TIMESTAMP,
  PRIMARY KEY (kind, id)
);
CREATE INDEX work_due ON work (due_at);
