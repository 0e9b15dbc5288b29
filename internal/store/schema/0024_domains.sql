-- +goose Up

CREATE TABLE endpoints (                   -- certificates of apps: SNI endpoints
  id         TEXT PRIMARY KEY,
  app_id     TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  name       TEXT NOT NULL UNIQUE,
  label      TEXT NOT NULL,                -- that its owner has given it
  chain      TEXT NOT NULL,                -- PEM, as given
  served     TEXT NOT NULL,                -- PEM, as clients get it
  secret     BYTEA NOT NULL,               -- sealed JSON object of key
  acm        BOOLEAN NOT NULL,             -- got by the platform itself
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
);
CREATE INDEX endpoints_app ON endpoints (app_id);

CREATE TABLE domains (
  id          TEXT PRIMARY KEY,
  app_id      TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  hostname    TEXT NOT NULL UNIQUE,
  registrable TEXT NOT NULL,               -- the part of hostname that somebody has registered
  endpoint_id TEXT REFERENCES endpoints (id) ON DELETE SET NULL,
  ready       BOOLEAN NOT NULL,            -- status: routers know it
  acm_status  TEXT NOT NULL,               -- status: of its automatic certificate
  acm_reason  TEXT NOT NULL,
  acm_tries   BIGINT NOT NULL DEFAULT 0,   -- status: that have failed in a row
  acm_next    TIMESTAMP,                   -- status: not tried before
  created_at  TIMESTAMP NOT NULL,
  updated_at  TIMESTAMP NOT NULL
);
CREATE INDEX domains_app ON domains (app_id);
CREATE INDEX domains_registrable ON domains (registrable);
CREATE INDEX domains_endpoint ON domains (endpoint_id);
ALTER TABLE apps ADD COLUMN acm BOOLEAN NOT NULL DEFAULT FALSE;
