-- +goose Up

CREATE TABLE keys (                        -- written once
  id          TEXT PRIMARY KEY,
  user_id     TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  public_key  TEXT NOT NULL UNIQUE,        -- of one person alone
  comment     TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  created_at  TIMESTAMP NOT NULL
);
CREATE INDEX keys_user ON keys (user_id);
