package cloister

import "time"

// A TransferKind says from where to where data goes.
type TransferKind string

const (
	BackupTransfer  TransferKind = "backup"  // from a database to a file of ours
	RestoreTransfer TransferKind = "restore" // from a file to a database
	CopyTransfer    TransferKind = "copy"    // from a database to another one
)

// A Transfer is data of a database that goes somewhere, or has gone. A backup is one that has ended well: its file is kept.
type Transfer struct {
	// Spec: written by platform.
	ID        string
	AppID     string // whose it is: that of the database it comes from or, of a restore, goes to
	AddonID   string // the database that it is of; it may be gone by now
	Num       int    // within the app, from 1
	Kind      TransferKind
	FromName  string
	ToName    string
	Source    Secret    // of a restore: where the file is, a transfer's id or a URL; of a copy: the other database's id
	Last      bool      // taken since its database was being destroyed
	Canceled  bool      // somebody wants it to end
	ExpiresAt time.Time // its file goes then; zero: when somebody deletes it
	CreatedAt time.Time
	UpdatedAt time.Time

	// Status: written by control.
	StartedAt  time.Time
	FinishedAt time.Time
	Succeeded  bool
	Bytes      int64 // that have gone so far
	Logs       []TransferLine
}

// A TransferLine is something that happened to a transfer.
type TransferLine struct {
	At   time.Time
	Text string
}

// Over reports whether a transfer has ended, well or not.
func (t Transfer) Over() bool { return !t.FinishedAt.IsZero() }

// Kept reports whether there is a file of a transfer.
func (t Transfer) Kept() bool { return t.Kind == BackupTransfer && t.Succeeded }

// LastBackupLife is how long the backup is kept that is taken of a database when it is destroyed.
const LastBackupLife = 7 * 24 * time.Hour
