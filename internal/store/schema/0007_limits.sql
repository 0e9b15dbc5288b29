-- +goose Up

-- The limits of a space that are not the default ones.
CREATE TABLE limits (
  space_id TEXT NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
  name     TEXT NOT NULL,                 -- spec
  value    BIGINT NOT NULL,               -- spec
  PRIMARY KEY (space_id, name)
);
