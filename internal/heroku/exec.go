package heroku

// ExecOpts asks for a way into a dyno by SSH.
type ExecOpts struct {
	ClientKey string `json:"client_key"` // "ssh-rsa AAAA…"
}

// An Exec is a way into a dyno by SSH.
type Exec struct {
	TunnelHost     string `json:"tunnel_host"` // Heroku's CLI goes to its port 80; see hosts.js of our CLI
	ClientUser     string `json:"client_user"`
	ProxyPublicKey string `json:"proxy_public_key"` // "ssh-ed25519 AAAA…"
	DynoIP         string `json:"dyno_ip"`
}

// An ExecDyno is a dyno that one can go into.
type ExecDyno struct {
	DynoName string `json:"dyno_name"`
}
