package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"modernc.org/sqlite"
)

// openSQLite opens a pool of connections to SQLite that parse each SQL text once. Parsing costs more than most of our
// queries do, and database/sql cannot keep a statement across the transactions of a pool with a single connection. The
// texts are a fixed set, so nothing is ever thrown out. PostgreSQL's driver does the same by itself.
func openSQLite(dsn string) (*sql.DB, error) {
	c, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector{c}), nil
}

type connector struct{ driver.Connector }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	inner, ok := opened.(driverConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%T lacks what the store needs of a connection", opened), opened.Close())
	}
	return &conn{driverConn: inner, statements: map[string]*statement{}}, nil
}

// driverConn is all that database/sql makes use of in a connection of the driver.
type driverConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// A conn is a connection with its prepared statements. As any driver's, it is used by one goroutine at a time.
type conn struct {
	driverConn
	statements map[string]*statement // by SQL text
}

// A statement is prepared, and in use while rows of it are open.
type statement struct {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
	busy bool
}

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	if s.busy {
		return c.driverConn.ExecContext(ctx, query, args)
	}
	return s.ExecContext(ctx, args)
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	if s.busy { // a query inside the loop over its own rows
		return c.driverConn.QueryContext(ctx, query, args)
	}
	r, err := s.QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	s.busy = true
	return &rows{r, s}, nil
}

func (c *conn) statement(ctx context.Context, query string) (*statement, error) {
	if s := c.statements[query]; s != nil {
		return s, nil
	}
	p, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	exec, canExec := p.(driver.StmtExecContext)
	ask, canQuery := p.(driver.StmtQueryContext)
	if !canExec || !canQuery {
		return nil, errors.Join(fmt.Errorf("%T lacks what the store needs of a statement", p), p.Close())
	}
	s := &statement{Stmt: p, StmtExecContext: exec, StmtQueryContext: ask}
	c.statements[query] = s
	return s, nil
}

// Close closes the statements, and then the connection.
func (c *conn) Close() error {
	var errs []error
	for _, s := range c.statements {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.driverConn.Close())...)
}

// rows free their statement when they are closed.
type rows struct {
	driver.Rows
	statement *statement
}

func (r *rows) Close() error {
	r.statement.busy = false
	return r.Rows.Close()
}
