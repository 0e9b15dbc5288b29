-- +goose Up

-- What a space's network can be beside its addresses and who is trusted.

ALTER TABLE spaces ADD COLUMN ingress TEXT NOT NULL DEFAULT '[]'; -- spec: JSON array of addresses

-- The ingress addresses in use. The primary key is what keeps two spaces from sharing one.
CREATE TABLE ingress (
  address  TEXT PRIMARY KEY,
  space_id TEXT NOT NULL REFERENCES spaces (id) ON DELETE CASCADE
);

-- Versions of the way out. A space without any reaches everything that is not private.
CREATE TABLE egress_rulesets (
  id         TEXT PRIMARY KEY,
  space_id   TEXT NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
  seq        BIGINT NOT NULL,             -- counts up within a space; the highest counts
  rules      TEXT NOT NULL,               -- JSON array
  created_by TEXT NOT NULL,
  created_at TIMESTAMP NOT NULL,
  applied    BOOLEAN NOT NULL,            -- status
  UNIQUE (space_id, seq)
);

-- A space that is gone stays named here for a while: the other side is told that the peering was deleted.
CREATE TABLE peerings (
  id           TEXT PRIMARY KEY,
  space_id     TEXT NOT NULL,             -- spec: the side that asked
  peer_id      TEXT NOT NULL,             -- spec: the space that was asked, or ''
  network      TEXT NOT NULL,             -- spec: the operator's network, or ''
  pair         TEXT NOT NULL UNIQUE,      -- spec: both sides, while it has not ended; then its id
  space_blocks TEXT NOT NULL,             -- spec: JSON array of ranges
  peer_blocks  TEXT NOT NULL,             -- spec: JSON array of ranges
  created_by   TEXT NOT NULL,             -- spec
  expires_at   TIMESTAMP,                 -- spec
  state        TEXT NOT NULL,             -- status; platform only ever sets what people decide
  message      TEXT NOT NULL,             -- status
  ready        BOOLEAN NOT NULL,          -- status
  other        BOOLEAN NOT NULL,          -- status
  created_at   TIMESTAMP NOT NULL,
  updated_at   TIMESTAMP NOT NULL
);
CREATE INDEX peerings_space ON peerings (space_id);
CREATE INDEX peerings_peer ON peerings (peer_id);
