package cloister

import (
	"slices"
	"strings"
	"time"
)

// A Permission is something that a person may do with one app or in one space, beside what their role in the team
// lets them do. None includes another: whoever manages an app may not deploy to it, unless they are told so as well.
type Permission string

// The permissions of an app.
const (
	ViewPermission    Permission = "view" // whoever has any other has this one too
	DeployPermission  Permission = "deploy"
	OperatePermission Permission = "operate"
	ManagePermission  Permission = "manage"
)

// CreateApps is the permission of a space: to create apps in it.
const CreateApps Permission = "create_apps"

// AppPermissions are all that a person can have for an app, by name.
var AppPermissions = []Permission{DeployPermission, ManagePermission, OperatePermission, ViewPermission}

// ParseAppPermissions reads names of permissions of an app, in any order, and adds view. An unknown one is Invalid.
func ParseAppPermissions(names []string) ([]Permission, error) {
	out := []Permission{ViewPermission}
	for _, name := range names {
		p := Permission(name)
		if !slices.Contains(AppPermissions, p) {
			return nil, Errorf(Invalid, "Permission %q is invalid. Use view, deploy, operate or manage.", name)
		}
		out = append(out, p)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// ParseSpacePermissions reads names of permissions of a space. An unknown one is Invalid; none at all is no permission.
func ParseSpacePermissions(names []string) ([]Permission, error) {
	out := []Permission{}
	for _, name := range names {
		if Permission(name) != CreateApps {
			return nil, Errorf(Invalid, "Permission %q is invalid. The permission of a space is create_apps.", name)
		}
		out = []Permission{CreateApps}
	}
	return out, nil
}

// A Collaborator is what a person may do with one app. They need not be a member of the app's team.
type Collaborator struct {
	ID          string
	AppID       string
	UserID      string
	Email       string // of the user, for lists
	Permissions []Permission
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// A SpaceMember is what a member of a space's team may do in that space, beside what all members may.
type SpaceMember struct {
	ID          string
	SpaceID     string
	UserID      string
	Email       string // of the user, for lists
	Permissions []Permission
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// PermissionNames are permissions as a list to read: "deploy, view".
func PermissionNames(all []Permission) string {
	names := make([]string, len(all))
	for i, p := range all {
		names[i] = string(p)
	}
	return strings.Join(names, ", ")
}
