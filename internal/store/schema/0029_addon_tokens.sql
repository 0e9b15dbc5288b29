-- +goose Up

CREATE TABLE addon_tokens (                -- by which a provider acts on one add-on
  hash       TEXT PRIMARY KEY,
  addon_id   TEXT NOT NULL REFERENCES addons (id) ON DELETE CASCADE,
  kind       TEXT NOT NULL,                -- grant, access, refresh
  expires_at TIMESTAMP NOT NULL
);
CREATE INDEX addon_tokens_addon ON addon_tokens (addon_id);
