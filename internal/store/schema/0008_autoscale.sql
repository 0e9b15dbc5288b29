-- +goose Up

CREATE TABLE autoscales (
  id         TEXT PRIMARY KEY,
  app_id     TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE, -- spec, fixed
  type       TEXT NOT NULL,               -- spec, fixed
  active     BOOLEAN NOT NULL,            -- spec
  min        BIGINT NOT NULL,             -- spec
  max        BIGINT NOT NULL,             -- spec
  latency_ms BIGINT NOT NULL,             -- spec; 0: not looked at
  cpu        BIGINT NOT NULL,             -- spec, percent; 0: not looked at
  scaled_at  TIMESTAMP,                   -- status; control also writes the quantity of the process type then
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL,
  UNIQUE (app_id, type)
);

-- How often each error happened to an app within an hour. Kept for a week.
CREATE TABLE error_counts (
  app_id TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  type   TEXT NOT NULL,                   -- status: a process type, or '' for the router
  code   TEXT NOT NULL,                   -- status
  hour   TIMESTAMP NOT NULL,              -- status
  count  BIGINT NOT NULL,                 -- status
  PRIMARY KEY (app_id, hour, type, code)
);
