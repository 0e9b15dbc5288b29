-- +goose Up

-- The zones of the installation. A row is made by control for each zone that the engine has.
CREATE TABLE zones (
  name      TEXT PRIMARY KEY,
  failed_at TIMESTAMP,                    -- spec: declared failed by an operator
  failed_by TEXT NOT NULL,                -- spec: e-mail
  healthy   BOOLEAN NOT NULL,             -- status: as the engine sees it
  seen_at   TIMESTAMP NOT NULL            -- status: since when
);

ALTER TABLE apps ADD COLUMN features TEXT NOT NULL DEFAULT '{}';        -- spec: JSON object: features switched by hand
ALTER TABLE apps ADD COLUMN boot_timeout BIGINT NOT NULL DEFAULT 0;     -- spec: seconds; 0: the platform's
ALTER TABLE releases ADD COLUMN automatic BOOLEAN NOT NULL DEFAULT FALSE; -- made by control: the one before did not come up
ALTER TABLE releases ADD COLUMN phase BOOLEAN NOT NULL DEFAULT FALSE; -- a release command was run for it
