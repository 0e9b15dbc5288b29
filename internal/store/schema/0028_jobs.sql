-- +goose Up

CREATE TABLE jobs (                       -- scheduled jobs: what apps run by a schedule
  id         TEXT PRIMARY KEY,
  app_id     TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  command    TEXT NOT NULL,               -- spec, as all down to since
  size       TEXT NOT NULL,
  schedule   TEXT NOT NULL,
  since      TIMESTAMP NOT NULL,          -- from when the schedule counts
  handled_at TIMESTAMP,                   -- status: when it was last due and dealt with
  last_run   TIMESTAMP,                   -- status
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL           -- spec
);
CREATE INDEX jobs_app ON jobs (app_id);
