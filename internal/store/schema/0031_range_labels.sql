-- +goose Up

CREATE TABLE range_labels (                -- what people call the trusted ranges of a space
  space_id TEXT NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
  source   TEXT NOT NULL,                  -- the range
  label    TEXT NOT NULL,
  PRIMARY KEY (space_id, source)
);
