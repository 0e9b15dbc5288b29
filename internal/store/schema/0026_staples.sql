-- +goose Up
ALTER TABLE endpoints ADD COLUMN staple TEXT NOT NULL DEFAULT '';         -- status: what its authority says of it, in base64
ALTER TABLE endpoints ADD COLUMN staple_until TIMESTAMP;                  -- status: when that is good no more
ALTER TABLE endpoints ADD COLUMN staple_next TIMESTAMP;                   -- status: not asked before
ALTER TABLE endpoints ADD COLUMN revoked BOOLEAN NOT NULL DEFAULT FALSE;  -- status
