package cli

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/cloister-dev/cloister/internal/cli/term"
	"github.com/cloister-dev/cloister/internal/heroku"
)

type addonOpen struct {
	addonFlag
	ShowURL bool `name:"show-url" help:"Print the dashboard's address, and sign in nowhere."`
}

// Run opens the dashboard of an add-on in a browser that is signed in there; without a terminal it says how.
func (c *addonOpen) Run(ctx context.Context, s *Session) error {
	h, a, err := c.find(ctx, s)
	if err != nil {
		return err
	}
	if a.WebURL == nil {
		return complain("%s has no dashboard. cloister addons:info %s shows what there is to see.", first(a.AddonService.HumanName, a.AddonService.Name), a.Name)
	}
	if c.ShowURL {
		s.Term.Line("%s", *a.WebURL)
		return nil
	}
	visit, err := h.AddonSSO(ctx, a.App.ID, a.ID)
	if err != nil {
		return err
	}
	s.Term.Line("Opening %s...", visit.Action)
	if !strings.EqualFold(visit.Method, "post") {
		return s.browse(ctx, visit.Action)
	}
	page, err := writeVisit(a.Name, visit)
	if err != nil {
		return fmt.Errorf("write the form that signs you in: %w", err)
	}
	s.Term.Note("It is opened with a form, which signs you in for a few minutes. Open it in a browser, and show it to nobody:")
	to := (&url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(filepath.ToSlash(page), "/")}).String()
	s.Term.Line("%s", to)
	return s.browse(ctx, to)
}

// browse opens a URL in the system's browser, if somebody sits there.
func (s *Session) browse(ctx context.Context, url string) error {
	if !term.IsTerminal(s.Term.Out) {
		return nil
	}
	return browse(ctx, url)
}

// visitPage posts a form by itself, or by its button where scripts are off.
var visitPage = template.Must(template.New("visit").Parse(`<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<title>{{.Name}}</title>
<form method="post" action="{{.Visit.Action}}">
{{- range $name, $value := .Visit.Params}}
<input type="hidden" name="{{$name}}" value="{{$value}}">
{{- end}}
<button>Open {{.Name}}</button>
</form>
<script>HTMLFormElement.prototype.submit.call(document.forms[0])</script>
`))

// writeVisit writes the page that goes to the dashboard of an add-on, for the user's eyes alone: a token on a command line would
// be for everybody's. It returns the file, which is in a directory of its own.
func writeVisit(name string, visit heroku.AddonSSO) (file string, err error) {
	var page bytes.Buffer
	if err := visitPage.Execute(&page, map[string]any{"Name": name, "Visit": visit}); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "cloister-sso-")
	if err != nil {
		return "", err
	}
	file = filepath.Join(dir, "open.html")
	return file, os.WriteFile(file, page.Bytes(), 0o600)
}

type addonDocs struct {
	addonFlag
	ShowURL bool `name:"show-url" help:"Print the address, and open nothing."`
}

// Run opens what Heroku's Dev Center says about a service, or prints where it is when there is no terminal.
func (c *addonDocs) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	name, _, _ := strings.Cut(c.Addon, ":")
	service, err := h.AddonService(ctx, name)
	if heroku.IsNotFound(err) {
		var a heroku.Addon
		_, a, err = c.find(ctx, s)
		service = a.AddonService
	}
	if err != nil {
		return err
	}
	to := "https://devcenter.heroku.com/articles/" + url.PathEscape(service.Name)
	s.Term.Line("%s", to)
	if c.ShowURL {
		return nil
	}
	return s.browse(ctx, to)
}
