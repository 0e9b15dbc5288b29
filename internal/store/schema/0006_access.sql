-- +goose Up

-- What one person may do with one app, beside what their place in its team lets them do.
CREATE TABLE collaborators (
  id          TEXT PRIMARY KEY,
  app_id      TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  user_id     TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  permissions TEXT NOT NULL,              -- spec: JSON array of view, deploy, operate, manage
  created_at  TIMESTAMP NOT NULL,
  updated_at  TIMESTAMP NOT NULL,
  UNIQUE (app_id, user_id)
);
CREATE INDEX collaborators_user ON collaborators (user_id);

-- What one member of a space's team may do in the space, beside what all members may.
CREATE TABLE space_members (
  id          TEXT PRIMARY KEY,
  space_id    TEXT NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
  user_id     TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  permissions TEXT NOT NULL,              -- spec: JSON array of create_apps
  created_at  TIMESTAMP NOT NULL,
  updated_at  TIMESTAMP NOT NULL,
  UNIQUE (space_id, user_id)
);
