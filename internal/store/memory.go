package store

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
)

// blank is a database of today's schema with nothing in it. Those in memory begin as a copy of it: tests open thousands, and the
// steps of the schema would be most of what they do.
var blank = sync.OnceValues(func() ([]byte, error) {
	s := new(Store)
	if err := s.connect(":memory:"); err != nil {
		return nil, err
	}
	defer s.Close()
	ctx := context.Background()
	if err := s.stepUp(ctx); err != nil {
		return nil, err
	}
	var image []byte
	return image, raw(ctx, s.write, func(c interface{ Serialize() ([]byte, error) }) (err error) {
		image, err = c.Serialize()
		return err
	})
})

// begin makes a new database in memory a copy of the blank one.
func (s *Store) begin(ctx context.Context) error {
	image, err := blank()
	if err != nil {
		return err
	}
	return raw(ctx, s.write, func(c interface{ Deserialize([]byte) error }) error { return c.Deserialize(image) })
}

// raw calls fn with what the driver's connection is.
func raw[T any](ctx context.Context, db *sql.DB, fn func(T) error) error {
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Raw(func(x any) error {
		able, ok := x.(*conn).driverConn.(T)
		if !ok {
			return fmt.Errorf("%T has no image of its database", x)
		}
		return fn(able)
	})
}
