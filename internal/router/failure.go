package router

// A failure is what a client gets when no dyno answers, and what Heroku calls it.
type failure struct {
	code   string // "" is not logged: no app is to blame
	desc   string
	level  string // of the log line: error, warning, info
	status int
	page   string // name of the page
}

var (
	h10 = &failure{"H10", "App crashed", "error", 503, pageError}
	h11 = &failure{"H11", "Backlog too deep", "error", 503, pageError}
	h12 = &failure{"H12", "Request timeout", "error", 503, pageError}
	h13 = &failure{"H13", "Connection closed without response", "error", 503, pageError}
	h14 = &failure{"H14", "No web processes running", "error", 503, pageError}
	h15 = &failure{"H15", "Idle connection", "error", 503, pageError}
	h17 = &failure{"H17", "Poorly formatted HTTP response", "error", 503, pageError}
	h18 = &failure{"H18", "Server Request Interrupted", "error", 503, pageError}
	h19 = &failure{"H19", "Backend connection timeout", "error", 503, pageError}
	h20 = &failure{"H20", "App boot timeout", "error", 503, pageError}
	h21 = &failure{"H21", "Backend connection refused", "error", 503, pageError}
	h24 = &failure{"H24", "Forced close", "error", 503, pageError}
	h27 = &failure{"H27", "Client Request Interrupted", "warning", 499, ""}
	h28 = &failure{"H28", "Client Connection Idle", "warning", 499, ""}
	h80 = &failure{"H80", "Maintenance mode", "info", 503, pageMaintenance}
	h81 = &failure{"H81", "Blank app", "info", 503, pageBlank}
	h99 = &failure{"H99", "Platform error", "error", 503, pageError}

	h25Length = &failure{"H25", "HTTP restriction: invalid content length", "error", 502, pageError}
	h25Header = &failure{"H25", "HTTP restriction: oversized header", "error", 502, pageError}
	h25Cookie = &failure{"H25", "HTTP restriction: oversized cookie", "error", 502, pageError}
	h25Status = &failure{"H25", "HTTP restriction: oversized status line", "error", 502, pageError}
	h26Chunk  = &failure{"H26", "Request Error: bad chunk", "error", 400, pageBadRequest}
	h26Length = &failure{"H26", "Request Error: bad content length", "error", 400, pageBadRequest}
	h26Expect = &failure{"H26", "Request Error: unsupported expect header value", "error", 417, pageExpectation}
	h31       = &failure{"H31", "Misdirected Request", "error", 421, pageMisdirected}
	h32       = &failure{"H32", "TLS Certificate Mismatch", "error", 495, pageMisdirected}
	h32Plain  = &failure{"H32", "TLS client certificate required", "error", 496, pageCertificate}

	noSuchApp  = &failure{status: 404, page: pageNoApp}
	badRequest = &failure{status: 400, page: pageBadRequest}
	answered   = &failure{status: 200} // which is none
)
