package heroku

// The data API: what the clients ask of data services themselves, at HEROKU_DATA_HOST. It has no published schema; the fields are
// those that the official CLI reads.

// A Database is how a data service is, in its own words.
type Database struct {
	Name            string             `json:"name"`
	Plan            string             `json:"plan"`
	ResourceURL     string             `json:"resource_url"`
	Info            List[DatabaseFact] `json:"info"`
	Following       *string            `json:"following"`
	Leader          *Named             `json:"leader"`
	PreferNativeTLS bool               `json:"prefer_native_tls"`
}

// A DatabaseFact is a line of pg:info and its likes.
type DatabaseFact struct {
	Name    string       `json:"name"`
	Values  List[string] `json:"values"`
	Resolve bool         `json:"resolve_db_name,omitempty"` // values are addresses of databases
}

// A DatabaseWait says whether a data service is still to be waited for.
type DatabaseWait struct {
	Waiting bool   `json:"waiting?"`
	Error   bool   `json:"error?"`
	Message string `json:"message"`
}

// A Bastion is where a client comes to who wants to talk with a database inside a space, and the key that it comes with, as the
// user bastion over SSH.
type Bastion struct {
	Host       *string `json:"host"`
	PrivateKey *string `json:"private_key"`
	Port       int     `json:"port,omitempty"` // Cloister's own: the official CLI knows 22 alone
	HostKey    string  `json:"host_key,omitempty"`
}

// A Credential is a user of a database.
type Credential struct {
	Name        string                `json:"name"`
	State       string                `json:"state"`
	Database    string                `json:"database"`
	Host        string                `json:"host"`
	Port        int                   `json:"port"`
	Credentials List[CredentialLogin] `json:"credentials"`
}

// A CredentialLogin is what one signs in with.
type CredentialLogin struct {
	User        string `json:"user"`
	Password    string `json:"password"`
	State       string `json:"state"`
	Connections int    `json:"connections"`
}

// CredentialOpts is what is asked for when a credential is made.
type CredentialOpts struct {
	Name string `json:"name"`
}

// RotationOpts is how a credential is rotated.
type RotationOpts struct {
	Forced bool `json:"forced,omitempty"` // connections of the old password end at once
}

// A DatabaseSetting is a setting of a data service, and what its values mean.
type DatabaseSetting struct {
	Value  any               `json:"value"`
	Values map[string]string `json:"values"`
}

// A Done is the answer to something that was done to a data service.
type Done struct {
	Message string `json:"message"`
}

// A Transfer is data of a database that goes somewhere, or has gone.
type Transfer struct {
	UUID           string             `json:"uuid"`
	Num            int                `json:"num"`
	FromType       string             `json:"from_type"` // pg_dump, or gof3r: a file
	ToType         string             `json:"to_type"`   // gof3r, or pg_restore
	FromName       string             `json:"from_name"`
	ToName         string             `json:"to_name"`
	ToURL          *string            `json:"to_url"` // of a backup: what to give as RestoreOpts.BackupURL
	Schedule       *ID                `json:"schedule"`
	Options        map[string]string  `json:"options"`
	Warnings       int                `json:"warnings"`
	Succeeded      *bool              `json:"succeeded"`
	ProcessedBytes int64              `json:"processed_bytes"`
	SourceBytes    int64              `json:"source_bytes"`
	Logs           List[TransferLine] `json:"logs"`
	CreatedAt      Time               `json:"created_at"`
	StartedAt      *Time              `json:"started_at"`
	FinishedAt     *Time              `json:"finished_at"`
	CanceledAt     *Time              `json:"canceled_at"`
	UpdatedAt      Time               `json:"updated_at"`
}

// A TransferLine is something that happened to a transfer.
type TransferLine struct {
	CreatedAt Time   `json:"created_at"`
	Message   string `json:"message"`
}

// A PublicURL is where a backup can be fetched without credentials, for a while.
type PublicURL struct {
	URL       string `json:"url"`
	ExpiresAt Time   `json:"expires_at"`
}

// RestoreOpts is what is restored.
type RestoreOpts struct {
	BackupURL  string   `json:"backup_url"`
	Extensions []string `json:"extensions,omitempty"`
}

// CopyOpts is what is copied.
type CopyOpts struct {
	FromURL string `json:"from_url"`
	ToURL   string `json:"to_url"`
}
