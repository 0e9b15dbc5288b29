package main

// configs are the configurations of the backend and of the others: what a careful operator would write for a proxy
// with keep-alive on both sides, and nothing that Cloister's router does not have to do as well.
var configs = map[string]string{
	"backend.conf": `
worker_processes 1;
daemon off;
pid {{.Dir}}/backend.pid;
events { worker_connections 4096; }
http {
	access_log off;
	keepalive_requests 100000000;
	keepalive_timeout 1h;
	sendfile on;
	server {
		listen 127.0.0.1:18500 backlog=4096;
		location = / { default_type text/plain; return 200 "hello, world\n"; }
		location / { root {{.Dir}}; }
	}
}
`,
	"nginx.conf": `
worker_processes auto;
daemon off;
pid {{.Dir}}/nginx.pid;
events { worker_connections 4096; }
http {
	access_log off;
	keepalive_requests 100000000;
	upstream app { server {{.Backend}}; keepalive 256; keepalive_requests 100000000; }
	server {
		listen 127.0.0.1:18501 backlog=4096;
		location / {
			proxy_pass http://app;
			proxy_http_version 1.1;
			proxy_max_temp_file_size 0;
			proxy_set_header Connection "";
			proxy_set_header Host $http_host;
			proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
			proxy_set_header X-Forwarded-Proto $scheme;
			proxy_set_header X-Forwarded-Port $server_port;
			proxy_set_header X-Request-Id $request_id;
			proxy_set_header X-Request-Start $msec;
		}
	}
}
`,
	"haproxy.cfg": `
global
	maxconn 8192
	nbthread 2
defaults
	mode http
	timeout connect 5s
	timeout client 55s
	timeout server 55s
	option forwardfor
	http-reuse always
frontend web
	bind 127.0.0.1:18502 backlog 4096
	http-request set-header X-Forwarded-Proto http
	http-request set-header X-Request-Id %[uuid()]
	default_backend app
backend app
	server one {{.Backend}} pool-max-conn 1024
`,
	"Caddyfile": `{
	admin off
	auto_https off
	storage file_system {{.Dir}}/caddy
}
http://:18503 {
	reverse_proxy {{.Backend}} {
		transport http {
			keepalive_idle_conns_per_host 256
		}
		header_up X-Request-Id {http.request.uuid}
	}
}
`,
}
