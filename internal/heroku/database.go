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
