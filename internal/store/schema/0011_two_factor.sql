-- +goose Up

-- What a person signs in with beside their password. At most one for each.
CREATE TABLE second_factors (
  user_id   TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  secret    BYTEA NOT NULL,               -- sealed JSON object of secret
  is_on     BOOLEAN NOT NULL,
  used      BIGINT NOT NULL,              -- the last period whose code was used
  recovery  TEXT NOT NULL,                -- JSON array of hashes
  failures  BIGINT NOT NULL,              -- wrong codes in a row
  failed_at TIMESTAMP
);
