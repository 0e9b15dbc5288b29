-- +goose Up

CREATE TABLE drains (
  id         TEXT PRIMARY KEY,
  app_id     TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE, -- spec, fixed
  url        BYTEA NOT NULL,              -- spec, fixed: sealed, as there may be a password in it
  token      TEXT NOT NULL UNIQUE,        -- spec, fixed
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
);
CREATE INDEX drains_app ON drains (app_id);
