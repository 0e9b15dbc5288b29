-- +goose Up

CREATE TABLE webhooks (
  id         TEXT PRIMARY KEY,
  app_id     TEXT NOT NULL,               -- spec, fixed; no reference, as a webhook hears of the end of its app
  address    BYTEA NOT NULL,              -- spec: sealed JSON object of url, secret and authorization
  level      TEXT NOT NULL,               -- spec
  include    TEXT NOT NULL,               -- spec: JSON array of entities
  ended      BOOLEAN NOT NULL,            -- spec: the app is gone; the row goes with the last delivery
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
);
CREATE INDEX webhooks_app ON webhooks (app_id);

CREATE TABLE webhook_events (             -- written once, when a thing changes
  id          TEXT PRIMARY KEY,
  app_id      TEXT NOT NULL,
  seq         BIGINT NOT NULL UNIQUE,
  entity      TEXT NOT NULL,
  action      TEXT NOT NULL,
  actor_id    TEXT NOT NULL,
  actor_email TEXT NOT NULL,
  data        TEXT NOT NULL,              -- JSON
  previous    TEXT NOT NULL,              -- JSON
  created_at  TIMESTAMP NOT NULL
);
CREATE INDEX webhook_events_app ON webhook_events (app_id);

CREATE TABLE deliveries (
  id           TEXT PRIMARY KEY,
  seq          BIGINT NOT NULL UNIQUE,
  webhook_id   TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
  event_id     TEXT NOT NULL REFERENCES webhook_events (id) ON DELETE CASCADE,
  status       TEXT NOT NULL,             -- status, as all that follows
  attempts     BIGINT NOT NULL,
  attempt_id   TEXT NOT NULL,
  attempt_at   TIMESTAMP,
  code         BIGINT NOT NULL,
  error        TEXT NOT NULL,
  next_at      TIMESTAMP,
  created_at   TIMESTAMP NOT NULL,
  updated_at   TIMESTAMP NOT NULL
);
CREATE INDEX deliveries_webhook ON deliveries (webhook_id);
CREATE INDEX deliveries_event ON deliveries (event_id);
