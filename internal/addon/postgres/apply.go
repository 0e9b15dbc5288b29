package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon"
)

// Apply makes the database and its roles as they are wanted, and gives all instances that run and have data their settings.
// Others get them when they start.
func (k Kind) Apply(ctx context.Context, s addon.Spec, x addon.Exec) error {
	slot, err := k.primary(ctx, s, x)
	if err != nil {
		return err
	}
	if _, err := x.Output(ctx, slot, serverSQL(s), "/cloister/bin/sql", "postgres"); err != nil {
		return err
	}
	if _, err := x.Output(ctx, slot, databaseSQL(s), "/cloister/bin/sql", database(s)); err != nil {
		return err
	}
	var errs []error
	for _, slot := range running(s) {
		_, err := x.Output(ctx, slot, settingsFile(s), "/cloister/bin/configure")
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// once makes a statement that runs unless a query finds something. psql's \gexec runs what a query returns.
func once(statement, unless string) string {
	return fmt.Sprintf("SELECT %s WHERE NOT EXISTS (%s) \\gexec\n", text(statement), unless)
}

// makeRole makes a role that cannot log in, unless it is there.
func makeRole(r string) string {
	return once("CREATE ROLE "+name(r), "SELECT FROM pg_roles WHERE rolname = "+text(r))
}

// marker is the role that all roles of clients are members of. It has no rights and gives none; it is how they are known.
const marker = "cloister_client"

func mark(r string) string {
	return fmt.Sprintf("GRANT %s TO %s WITH INHERIT FALSE, SET FALSE;\n", marker, name(r))
}

// serverSQL makes roles and the database. It is run in the database postgres, which clients have no business in.
func serverSQL(s addon.Spec) string {
	var b strings.Builder
	own, _ := owner(s)
	d := name(database(s))
	b.WriteString("SELECT format('GRANT CONNECT ON DATABASE postgres TO %I', rolname) FROM pg_roles WHERE rolname LIKE 'pgautofailover\\_%' \\gexec\n")
	b.WriteString("REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC;\n")
	b.WriteString(makeRole(marker))
	b.WriteString(once("CREATE ROLE pgbouncer LOGIN", "SELECT FROM pg_roles WHERE rolname = 'pgbouncer'"))
	b.WriteString(once(`CREATE FUNCTION public.pooled(name) RETURNS TABLE (usename name, passwd text) LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
		AS 'SELECT rolname, rolpassword FROM pg_authid WHERE rolname = $1 AND rolcanlogin AND NOT rolsuper AND coalesce(rolvaliduntil, ''infinity'') > now() AND pg_has_role(oid, ''`+marker+`'', ''MEMBER'')'`,
		"SELECT FROM pg_proc WHERE proname = 'pooled'"))
	b.WriteString("REVOKE ALL ON FUNCTION public.pooled FROM PUBLIC;\nGRANT EXECUTE ON FUNCTION public.pooled TO pgbouncer;\nGRANT CONNECT ON DATABASE postgres TO pgbouncer;\n")
	b.WriteString("SELECT 'GRANT pg_checkpoint TO pgautofailover_replicator' FROM pg_roles WHERE rolname = 'pgautofailover_replicator' \\gexec\n")
	for _, c := range s.Credentials {
		b.WriteString(makeRole(role(c)) + mark(role(c)))
	}
	fmt.Fprintf(&b, "GRANT pg_monitor, pg_signal_backend TO %s;\n", name(role(own)))
	is := "SELECT FROM pg_database WHERE datname = " + text(database(s))
	fmt.Fprintf(&b, "SELECT format('ALTER DATABASE %%I RENAME TO %%I', datname, %s) FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres' AND NOT EXISTS (%s) LIMIT 1 \\gexec\n", text(database(s)), is) // that of another add-on, whose data these were
	b.WriteString(once("CREATE DATABASE "+d, is))
	fmt.Fprintf(&b, "ALTER DATABASE %s OWNER TO %s;\nALTER DATABASE %[1]s CONNECTION LIMIT %[3]d;\nREVOKE ALL ON DATABASE %[1]s FROM PUBLIC;\n", d, name(role(own)), limit(s.Plan.Shape))
	return b.String()
}

// databaseSQL lets those log in who are to, and nobody else. It is run in their database.
func databaseSQL(s addon.Spec) string {
	var b strings.Builder
	d := name(database(s))
	b.WriteString("SELECT 'CREATE EXTENSION IF NOT EXISTS pg_stat_statements SCHEMA public' FROM pg_namespace WHERE nspname = 'public' \\gexec\n") // whose owner may have dropped it
	b.WriteString("BEGIN;\n")
	var roles, wanted []string
	for _, c := range s.Credentials {
		if c.State == cloister.CredentialRevoking {
			continue
		}
		r := role(c)
		roles = append(roles, r)
		fmt.Fprintf(&b, "GRANT CONNECT, TEMPORARY ON DATABASE %s TO %s;\n", d, name(r))
		for _, password := range []cloister.Secret{c.Password, c.Old} {
			if password == "" {
				continue
			}
			l := login(c, password)
			wanted = append(wanted, l)
			b.WriteString(makeRole(l))
			fmt.Fprintf(&b, "ALTER ROLE %s LOGIN PASSWORD %s;\nGRANT %s TO %[1]s;\nALTER ROLE %[1]s SET role = %[4]s;\n%[5]s", name(l), text(password.Reveal()), name(r), text(r), mark(l))
		}
	}
	b.WriteString("COMMIT;\n" + dismiss(wanted) + dismissRoles(s, roles))
	return b.String()
}

// members finds those roles of clients that do, or do not, log in, and are not among some.
func members(log bool, but []string) string {
	in := "true"
	if len(but) > 0 {
		quoted := make([]string, len(but))
		for i, r := range but {
			quoted[i] = text(r)
		}
		in = "rolname NOT IN (" + strings.Join(quoted, ", ") + ")"
	}
	return fmt.Sprintf(`(SELECT oid, rolname FROM pg_roles WHERE rolcanlogin = %t AND %s AND oid IN
		(SELECT member FROM pg_auth_members WHERE roleid = (SELECT oid FROM pg_roles WHERE rolname = '%s')))`, log, in, marker)
}

// dismiss ends the sessions of logins that are not wanted, and drops them. What is theirs becomes that of their credential.
func dismiss(wanted []string) string {
	gone := members(true, wanted)
	return fmt.Sprintf(`
		SELECT format('ALTER ROLE %%I VALID UNTIL ''-infinity''', rolname) FROM %s AS gone \gexec
		SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE usesysid IN (SELECT oid FROM %[1]s AS gone) \g /dev/null
		SELECT format('REASSIGN OWNED BY %%I TO %%I; DROP OWNED BY %%1$I', gone.rolname, owner.rolname) FROM %[1]s AS gone
			JOIN pg_auth_members m ON m.member = gone.oid JOIN pg_roles owner ON owner.oid = m.roleid AND owner.rolname <> '%s' \gexec
		SELECT format('DROP ROLE %%I', rolname) FROM %[1]s AS gone \gexec
		`, gone, marker)
}

// dismissRoles drops the roles of credentials that are there no more. What is theirs becomes the default one's.
func dismissRoles(s addon.Spec, roles []string) string {
	own, _ := owner(s)
	return fmt.Sprintf(`SELECT format('REASSIGN OWNED BY %%I TO %s; DROP OWNED BY %%1$I; DROP ROLE %%1$I', rolname) FROM %s AS gone \gexec
		`, strings.ReplaceAll(name(role(own)), "%", "%%"), members(false, roles))
}

// running are the slots that have data, and a run.
func running(s addon.Spec) (out []string) {
	for _, i := range s.Instances {
		if i.Slot != monitor && i.Workload != "" {
			out = append(out, i.Slot)
		}
	}
	slices.Sort(out)
	return out
}
