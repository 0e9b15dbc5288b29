-- +goose Up

-- Where the logs of all apps of a space are sent, instead of to their own drains. At most one for each space.
CREATE TABLE space_drains (
  space_id   TEXT PRIMARY KEY REFERENCES spaces (id) ON DELETE CASCADE,
  id         TEXT NOT NULL UNIQUE,        -- spec: another with another url
  url        BYTEA NOT NULL,              -- spec: sealed, as there may be a password in it
  token      TEXT NOT NULL UNIQUE,        -- spec
  created_at TIMESTAMP NOT NULL
);
