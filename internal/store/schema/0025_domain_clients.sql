-- +goose Up
ALTER TABLE domains ADD COLUMN clients TEXT NOT NULL DEFAULT ''; -- PEM: authorities whose clients alone may come
