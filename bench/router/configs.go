package main

import (
	"bytes"
	"os"
	"path/filepath"
	"text/template"
)

// configs are the configurations of the backend and of the others: what a careful operator would write for a proxy
// with keep-alive on both sides, and nothing that Cloister's router does not have to do as well. All have the same
// processors, and may keep as many connections to the backend as they use.
var configs = map[string]string{
	"backend.conf": `
worker_processes 1;
worker_rlimit_nofile {{.Files}};
daemon off;
pid {{.Dir}}/backend.pid;
events { worker_connections 32768; }
http {
	access_log off;
	keepalive_requests 100000000;
	keepalive_timeout 1h;
	sendfile on;
	open_file_cache max=16;
	server {
		listen {{.Backend}} backlog=4096;
		location / { root {{.Dir}}/files; }
	}
}
`,
	"nginx.conf": `
worker_processes auto;
worker_rlimit_nofile {{.Files}};
daemon off;
pid {{.Dir}}/nginx.pid;
events { worker_connections 32768; }
http {
	access_log off;
	keepalive_requests 100000000;
	http2_max_concurrent_streams 256;
	ssl_certificate {{.Dir}}/cert.pem;
	ssl_certificate_key {{.Dir}}/key.pem;
	ssl_protocols TLSv1.2 TLSv1.3;
	proxy_http_version 1.1;
	proxy_max_temp_file_size 0;
	proxy_set_header Host $http_host;
	proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
	proxy_set_header X-Forwarded-Proto $scheme;
	proxy_set_header X-Forwarded-Port $server_port;
	proxy_set_header X-Request-Id $request_id;
	proxy_set_header X-Request-Start $msec;
	proxy_set_header Connection $hop;
	proxy_set_header Upgrade $http_upgrade;
	map $http_upgrade $hop { default ""; websocket "upgrade"; }
	upstream app { server {{.Backend}}; keepalive 4096; keepalive_requests 100000000; }
	server {
		listen 127.0.0.1:18501 backlog=4096;
		listen 127.0.0.1:18601 ssl http2 backlog=4096;
		server_name demo.test;
		location / { proxy_pass http://app; }
	}
	server {
		listen 127.0.0.1:18501;
		server_name sockets.test;
		location / { proxy_pass http://{{.Sockets}}; proxy_read_timeout 1h; }
	}
}
`,
	"haproxy.cfg": `
global
	maxconn {{.Connections}}
	nbthread {{.Processors}}
	ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
	mode http
	timeout connect 5s
	timeout client 55s
	timeout server 55s
	timeout tunnel 1h
	option forwardfor
	http-reuse always
frontend web
	bind 127.0.0.1:18502 backlog 4096
	bind 127.0.0.1:18602 backlog 4096 ssl crt {{.Dir}}/both.pem alpn h2,http/1.1
	http-request set-header X-Forwarded-Proto https if { ssl_fc }
	http-request set-header X-Forwarded-Proto http unless { ssl_fc }
	http-request set-header X-Request-Id %[uuid()]
	use_backend sockets if { hdr(host) sockets.test }
	default_backend app
backend app
	server one {{.Backend}} pool-max-conn 4096
backend sockets
	server one {{.Sockets}}
`,
	"Caddyfile": `{
	admin off
	auto_https off
	storage file_system {{.Dir}}/caddy
}
(app) {
	reverse_proxy {{.Backend}} {
		transport http {
			keepalive_idle_conns 4096
			keepalive_idle_conns_per_host 4096
		}
		header_up X-Request-Id {http.request.uuid}
	}
}
http://sockets.test:18503 {
	reverse_proxy {{.Sockets}}
}
http://demo.test:18503 {
	import app
}
https://demo.test:18603 {
	tls {{.Dir}}/cert.pem {{.Dir}}/key.pem
	import app
}
`,
}

// sizes are the answers that the backend has.
var sizes = []struct {
	name  string
	bytes int
}{{"1k", 1 << 10}, {"1m", 1 << 20}}

func writeFiles(dir string, processors, files int) error {
	if err := os.Mkdir(filepath.Join(dir, "files"), 0o755); err != nil {
		return err
	}
	for _, s := range sizes {
		if err := os.WriteFile(filepath.Join(dir, "files", s.name), bytes.Repeat([]byte("x"), s.bytes), 0o644); err != nil {
			return err
		}
	}
	for name, text := range configs {
		var b bytes.Buffer
		if err := template.Must(template.New(name).Parse(text)).Execute(&b, map[string]any{
			"Dir": dir, "Backend": backendAddr, "Sockets": socketsAddr, "Processors": processors, "Files": files, "Connections": files/2 - 50,
		}); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return writeCertificate(dir)
}
