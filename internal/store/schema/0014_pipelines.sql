-- +goose Up

CREATE TABLE pipelines (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL,               -- spec
  team_id    TEXT REFERENCES teams (id) ON DELETE CASCADE,  -- spec: who owns it; one of the two is NULL
  user_id    TEXT REFERENCES users (id) ON DELETE CASCADE,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL,
  UNIQUE (team_id, name),
  UNIQUE (user_id, name)
);

CREATE TABLE couplings (
  id          TEXT PRIMARY KEY,
  pipeline_id TEXT NOT NULL REFERENCES pipelines (id) ON DELETE CASCADE,
  app_id      TEXT NOT NULL UNIQUE REFERENCES apps (id) ON DELETE CASCADE,
  stage       TEXT NOT NULL,              -- spec
  created_at  TIMESTAMP NOT NULL,
  updated_at  TIMESTAMP NOT NULL
);
CREATE INDEX couplings_pipeline ON couplings (pipeline_id);

CREATE TABLE pipeline_config (
  pipeline_id TEXT NOT NULL REFERENCES pipelines (id) ON DELETE CASCADE,
  stage       TEXT NOT NULL,
  config      BYTEA NOT NULL,             -- spec: sealed JSON object
  PRIMARY KEY (pipeline_id, stage)
);

CREATE TABLE promotions (                 -- written once
  id          TEXT PRIMARY KEY,
  pipeline_id TEXT NOT NULL REFERENCES pipelines (id) ON DELETE CASCADE,
  app_id      TEXT NOT NULL,              -- no reference: it may go, and so may its releases
  release_id  TEXT NOT NULL,
  created_at  TIMESTAMP NOT NULL
);
CREATE INDEX promotions_pipeline ON promotions (pipeline_id);

CREATE TABLE promotion_targets (          -- written once
  id           TEXT PRIMARY KEY,
  promotion_id TEXT NOT NULL REFERENCES promotions (id) ON DELETE CASCADE,
  app_id       TEXT NOT NULL,
  release_id   TEXT NOT NULL,             -- '' if none could be made
  error        TEXT NOT NULL              -- why none could be made
);
CREATE INDEX promotion_targets_promotion ON promotion_targets (promotion_id);
