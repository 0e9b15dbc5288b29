-- +goose Up

CREATE TABLE oauth_clients (
  id           TEXT PRIMARY KEY,
  user_id      TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  name         TEXT NOT NULL,              -- spec
  redirect_uri TEXT NOT NULL,              -- spec
  secret       BYTEA NOT NULL,             -- spec: sealed JSON object of one value
  secret_hash  TEXT NOT NULL UNIQUE,       -- to find it by
  created_at   TIMESTAMP NOT NULL,
  updated_at   TIMESTAMP NOT NULL
);
CREATE INDEX oauth_clients_user ON oauth_clients (user_id);

CREATE TABLE grants (                      -- written once, and gone when its token is fetched
  hash       TEXT PRIMARY KEY,             -- of the code, which itself is nowhere
  client_id  TEXT NOT NULL REFERENCES oauth_clients (id) ON DELETE CASCADE,
  user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  scope      TEXT NOT NULL,                -- JSON array
  expires_at TIMESTAMP NOT NULL
);

ALTER TABLE authorizations ADD COLUMN client_id TEXT REFERENCES oauth_clients (id) ON DELETE CASCADE;
ALTER TABLE authorizations ADD COLUMN refresh_hash TEXT NOT NULL DEFAULT '';
