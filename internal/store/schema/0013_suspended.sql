-- +goose Up
ALTER TABLE users ADD COLUMN suspended_at TIMESTAMP;
