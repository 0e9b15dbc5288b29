-- +goose Up

CREATE TABLE transfers (
  id          TEXT PRIMARY KEY,
  app_id      TEXT NOT NULL,               -- spec, fixed; no reference, as backups outlive their app
  addon_id    TEXT NOT NULL,               -- spec, fixed; no reference, as they outlive their database too
  num         BIGINT NOT NULL,             -- spec, fixed: within its app
  kind        TEXT NOT NULL,               -- spec, fixed
  from_name   TEXT NOT NULL,               -- spec, fixed
  to_name     TEXT NOT NULL,               -- spec, fixed
  source      BYTEA NOT NULL,              -- spec, fixed: sealed JSON object of source
  last        BOOLEAN NOT NULL,            -- spec, fixed
  canceled    BOOLEAN NOT NULL,            -- spec
  expires_at  TIMESTAMP,                   -- spec
  started_at  TIMESTAMP,                   -- status, as all that follows but for the dates
  finished_at TIMESTAMP,
  succeeded   BOOLEAN NOT NULL,
  bytes       BIGINT NOT NULL,
  logs        TEXT NOT NULL,               -- JSON array of lines
  created_at  TIMESTAMP NOT NULL,
  updated_at  TIMESTAMP NOT NULL,
  UNIQUE (app_id, num)
);
CREATE INDEX transfers_addon ON transfers (addon_id);
