package router

import (
	"fmt"
	"html"
	"strings"

	"github.com/cloister-dev/cloister"
)

// The pages that clients see when no dyno answers.
const (
	pageError       = "application-error"
	pageMaintenance = "maintenance-mode"
	pageNoApp       = "no-such-app"
	pageBlank       = "blank-app"
	pageBadRequest  = "bad-request"
	pageExpectation = "expectation-failed"
	pageMisdirected = "misdirected-request"
	pageCertificate = "certificate-required"
)

var pages = map[string]string{
	pageError: page(titles[pageError],
		"Something went wrong while the application handled this request. Please try again in a moment.",
		"If it is your application, its log says more: <code>heroku logs --tail</code>"),
	pageMaintenance: page(titles[pageMaintenance],
		"This application is being worked on. Please come back in a little while."),
	pageNoApp: page("No such app",
		"There is nothing here. The address may be mistyped, or its domain may not be set up yet.",
		"If it is yours, see which domains your application has: <code>heroku domains</code>"),
	pageBlank: page("Nothing here yet",
		"This application exists, but nothing was deployed to it so far.",
		"If it is yours: <code>git push heroku main</code>"),
	pageBadRequest:  page("Bad request", "This request was not understood."),
	pageExpectation: page("Expectation failed", "This request expects something that is not supported."),
	pageMisdirected: page("Misdirected request", "This connection was made for another application. Please open a new one."),
	pageCertificate: page("Certificate required", "This address is for clients that show a certificate, which needs HTTPS."),
}

const pageFrame = `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%s</title>
<style>
body { font: 17px/1.6 system-ui, sans-serif; max-width: 34em; margin: 18vh auto 0; padding: 0 1.5em; color: #23272f; background: #fff }
h1 { font-size: 1.5em; font-weight: 600 }
p + p { color: #6b7280 }
@media (prefers-color-scheme: dark) { body { color: #e5e7eb; background: #15181d } }
</style>
<h1>%s</h1>
%s`

func page(title string, paragraphs ...string) string {
	var b strings.Builder
	for _, p := range paragraphs {
		fmt.Fprintf(&b, "<p>%s</p>\n", p)
	}
	return fmt.Sprintf(pageFrame, title, title, b.String())
}

// ownPages frames the pages that an app has of its own.
func ownPages(r cloister.Route) map[string]string {
	out := map[string]string{}
	for name, url := range map[string]string{pageError: r.ErrorPage, pageMaintenance: r.MaintenancePage} {
		if url != "" {
			out[name] = fmt.Sprintf(ownFrame, titles[name], html.EscapeString(url))
		}
	}
	return out
}

var titles = map[string]string{pageError: "Application error", pageMaintenance: "Down for maintenance"}

// ownFrame shows a page from elsewhere in place of ours, under the status that ours would have (heroku-behaviours 4.4).
const ownFrame = `<!DOCTYPE html>
<html>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%s</title>
<style>
html, body, iframe { margin: 0; border: 0; width: 100%%; height: 100%%; display: block; overflow: hidden }
</style>
<iframe src="%s"></iframe>
`

var reasons = map[int]string{
	200: "OK", 400: "Bad Request", 404: "Not Found", 417: "Expectation Failed", 421: "Misdirected Request", 495: "TLS Certificate Mismatch", 496: "TLS Certificate Required",
	502: "Bad Gateway", 503: "Service Unavailable",
}
