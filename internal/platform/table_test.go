package platform

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
)

var write = flag.Bool("update", false, "write docs/permissions.md anew")

// TestTheDocumentSaysWhoMayDoWhat compares the table for people with the one that decides.
func TestTheDocumentSaysWhoMayDoWhat(t *testing.T) {
	const name = "../../docs/permissions.md"
	if *write {
		if err := os.WriteFile(name, []byte(document()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != document() {
		t.Errorf("docs/permissions.md differs from what the code decides; write it anew with: go test ./internal/platform -run WhoMayDoWhat -update")
	}
}

// document is docs/permissions.md.
func document() string {
	var b strings.Builder
	b.WriteString(`# Who may do what

Made from the table that decides (` + "`internal/platform/can.go`" + `); what is not here nobody may do. Roles are a person's place in a
team, permissions are given for one app or one space. None includes another. What one may not see looks as if it did not
exist; what one sees but may not do is forbidden. Of a locked app a member or viewer sees nothing, unless they are its
collaborator. Whoever makes an app without being an administrator gets all its permissions.

`)
	roles := []cloister.Role{cloister.Admin, cloister.MemberRole, cloister.Viewer}
	permissions := append(slices.Clone(cloister.AppPermissions), cloister.CreateApps)
	b.WriteString("| to |")
	for _, r := range roles {
		fmt.Fprintf(&b, " %s |", r)
	}
	for _, p := range permissions {
		fmt.Fprintf(&b, " `%s` |", p)
	}
	b.WriteString("\n|" + strings.Repeat(" --- |", 1+len(roles)+len(permissions)) + "\n")
	for _, v := range allowed[cloister.Admin] { // who may do everything that a team decides
		fmt.Fprintf(&b, "| %s |", v)
		for _, r := range roles {
			b.WriteString(mark(allowed[r], v))
		}
		for _, p := range permissions {
			b.WriteString(mark(granted[p], v))
		}
		b.WriteString("\n")
	}
	b.WriteString(`
An operator runs the installation: they make users and teams, and see and rehearse zones. They have no part in a team's
spaces and apps unless the team gives it to them. Everybody may use their own account.

A token is good for what its owner may do, as far as its scopes go (` + "`authorizations:create --scope`" + `); one that was made without is
` + "`global`" + `, and good for everything. Only such a one makes other tokens, and runs the installation. One of ` + "`identity`" + ` tells whose it is,
and nothing else.

`)
	scopes := []cloister.Scope{cloister.ReadScope, cloister.ReadProtectedScope, cloister.WriteScope, cloister.WriteProtectedScope}
	fmt.Fprintf(&b, "| to | `%s` |\n|%s\n", cloister.ScopeNames(scopes, "` | `"), strings.Repeat(" --- |", 1+len(scopes)))
	for _, v := range append([]verb{viewAccount, uploadCode}, allowed[cloister.Admin]...) {
		fmt.Fprintf(&b, "| %s |", v)
		for _, s := range scopes {
			b.WriteString(mark(scoped[s], v))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func mark(verbs []verb, v verb) string {
	if slices.Contains(verbs, v) {
		return " yes |"
	}
	return "  |"
}

// TestTheTableLeavesNoVerbOut holds that an admin may do all that permissions let one do, so the document has it all.
func TestTheTableLeavesNoVerbOut(t *testing.T) {
	for who, verbs := range granted {
		for _, v := range verbs {
			if !slices.Contains(allowed[cloister.Admin], v) {
				t.Errorf("%s lets one %s, and an admin may not", who, v)
			}
		}
	}
	for s, verbs := range scoped {
		for _, v := range verbs {
			if v != viewAccount && v != uploadCode && !slices.Contains(allowed[cloister.Admin], v) {
				t.Errorf("the scope %s is good to %s, which the document does not have", s, v)
			}
		}
	}
	for _, v := range allowed[cloister.Admin] {
		if !slices.Contains(scoped[cloister.WriteProtectedScope], v) {
			t.Errorf("no scope but global is good to %s", v)
		}
	}
	for _, p := range append(slices.Clone(cloister.AppPermissions), cloister.CreateApps) {
		if len(granted[p]) == 0 {
			t.Errorf("the permission %s lets one do nothing", p)
		}
	}
}
