-- +goose Up
CREATE INDEX members_user ON members (user_id);
