-- +goose Up
ALTER TABLE teams ADD COLUMN suspended_at TIMESTAMP;
