-- +goose Up

CREATE TABLE destroy_wishes (              -- where two people must agree to destroy a space: what the first has asked for
  space_id TEXT PRIMARY KEY REFERENCES spaces (id) ON DELETE CASCADE,
  user_id  TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  asked_at TIMESTAMP NOT NULL
);
