-- +goose Up
ALTER TABLE teams ADD COLUMN trusted TEXT NOT NULL DEFAULT '[]';
