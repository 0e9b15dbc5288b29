-- +goose Up

CREATE TABLE sessions (                    -- written once
  id          TEXT PRIMARY KEY,
  user_id     TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  description TEXT NOT NULL,
  origin      TEXT NOT NULL,               -- the address that the browser came from
  hash        TEXT NOT NULL UNIQUE,        -- of the secret in its cookie, which itself is nowhere
  expires_at  TIMESTAMP NOT NULL,
  created_at  TIMESTAMP NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);
