-- +goose Up

CREATE TABLE runs (                       -- one-off dynos
  id         TEXT PRIMARY KEY,
  app_id     TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE, -- spec, fixed, as all down to expires_at
  space_id   TEXT NOT NULL,
  type       TEXT NOT NULL,
  number     BIGINT NOT NULL,
  release_id TEXT NOT NULL,
  version    BIGINT NOT NULL,
  size       TEXT NOT NULL,
  command    TEXT NOT NULL,
  attached   BOOLEAN NOT NULL,
  env        BYTEA NOT NULL,              -- sealed JSON object
  expires_at TIMESTAMP NOT NULL,
  stopped    BOOLEAN NOT NULL,            -- spec
  zone       TEXT NOT NULL,               -- status, as all from here on
  state      TEXT NOT NULL,
  stop_at    TIMESTAMP,
  address    TEXT NOT NULL,
  up_at      TIMESTAMP,
  ended_at   TIMESTAMP,
  exit       BIGINT NOT NULL,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL,
  UNIQUE (app_id, type, number)
);
CREATE INDEX runs_space ON runs (space_id);
