package cloister

import (
	"slices"
	"testing"
)

func TestAppPermissions(t *testing.T) {
	for _, c := range []struct {
		in   []string
		want []Permission
	}{
		{nil, []Permission{"view"}},
		{[]string{"view", "view"}, []Permission{"view"}},
		{[]string{"operate", "deploy"}, []Permission{"deploy", "operate", "view"}},
		{[]string{"manage", "view", "operate", "deploy"}, []Permission{"deploy", "manage", "operate", "view"}},
	} {
		got, err := ParseAppPermissions(c.in)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q: got %q, %v, want %q", c.in, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "Deploy", "create_apps", "deploy ", "admin", "dep\u043boy"} {
		if _, err := ParseAppPermissions([]string{"view", bad}); KindOf(err) != Invalid {
			t.Errorf("%q: got %v, want an Invalid error", bad, err)
		}
	}
}

func TestSpacePermissions(t *testing.T) {
	for _, c := range []struct{ in, want []string }{
		{nil, nil},
		{[]string{"create_apps"}, []string{"create_apps"}},
		{[]string{"create_apps", "create_apps"}, []string{"create_apps"}},
	} {
		got, err := ParseSpacePermissions(c.in)
		if err != nil || got == nil || PermissionNames(got) != PermissionNames(each(c.want)) {
			t.Errorf("%q: got %q, %v, want %q", c.in, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "view", "manage", "create_app"} {
		if _, err := ParseSpacePermissions([]string{bad}); KindOf(err) != Invalid {
			t.Errorf("%q: got %v, want an Invalid error", bad, err)
		}
	}
}

func each(names []string) (out []Permission) {
	for _, n := range names {
		out = append(out, Permission(n))
	}
	return out
}
