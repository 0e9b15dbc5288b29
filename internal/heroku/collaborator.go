package heroku

import (
	"context"
	"net/http"
)

// A Collaborator is what a person may do with an app: the superset of collaborator and team app collaborator.
type Collaborator struct {
	ID          string           `json:"id"`
	App         Named            `json:"app"`
	User        CollaboratorUser `json:"user"`
	Role        *string          `json:"role"`
	Permissions List[Permission] `json:"permissions"`
	CreatedAt   Time             `json:"created_at"`
	UpdatedAt   Time             `json:"updated_at"`
}

// CollaboratorUser is the account of a collaborator.
type CollaboratorUser struct {
	ID        string `json:"id"`
	Email     string `json:"email"`
	Federated bool   `json:"federated"`
}

// CollaboratorCreateOpts lets a person at an app. Permissions are of team apps only.
type CollaboratorCreateOpts struct {
	User        Ref      `json:"user"`
	Permissions []string `json:"permissions,omitempty"`
	Silent      bool     `json:"silent,omitempty"`
}

// CollaboratorUpdateOpts sets the permissions of a collaborator.
type CollaboratorUpdateOpts struct {
	Permissions List[string] `json:"permissions"`
}

// Collaborators lists who may do what with an app.
func (c *Client) Collaborators(ctx context.Context, app string) ([]Collaborator, error) {
	return all[Collaborator](ctx, c, Path("/apps/%s/collaborators", app))
}

// AddCollaborator lets a person at an app of a team.
func (c *Client) AddCollaborator(ctx context.Context, app string, in CollaboratorCreateOpts) (Collaborator, error) {
	return call[Collaborator](ctx, c, http.MethodPost, Path("/teams/apps/%s/collaborators", app), in)
}

// UpdateCollaborator sets the permissions of a person at an app of a team.
func (c *Client) UpdateCollaborator(ctx context.Context, app, email string, in CollaboratorUpdateOpts) (Collaborator, error) {
	return call[Collaborator](ctx, c, http.MethodPatch, Path("/teams/apps/%s/collaborators/%s", app, email), in)
}

// RemoveCollaborator keeps a person from an app.
func (c *Client) RemoveCollaborator(ctx context.Context, app, email string) error {
	return c.Do(ctx, http.MethodDelete, Path("/apps/%s/collaborators/%s", app, email), nil, nil)
}
