package sso

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
)

// A fake is an identity provider that says what a test wants. (test/conformance has a real one.)
type fake struct {
	*httptest.Server
	key       *rsa.PrivateKey
	signer    *rsa.PrivateKey // of ID tokens
	claims    map[string]any  // over those that are right
	userInfo  map[string]any
	challenge string
	nonce     string
	redirect  string
	refuses   bool
}

var b64 = base64.RawURLEncoding

func newFake(t *testing.T) *fake {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{key: key, signer: key}
	mux := http.NewServeMux()
	reply := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{"issuer": f.URL, "authorization_endpoint": f.URL + "/auth", "token_endpoint": f.URL + "/token", "jwks_uri": f.URL + "/keys",
			"userinfo_endpoint": f.URL + "/me", "id_token_signing_alg_values_supported": []string{"RS256"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{"keys": []any{map[string]any{"kty": "RSA", "kid": "1", "use": "sig", "alg": "RS256",
			"n": b64.EncodeToString(key.N.Bytes()), "e": b64.EncodeToString(big.NewInt(int64(key.E)).Bytes())}}})
	})
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, _ *http.Request) { reply(w, f.userInfo) })
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
		if f.refuses || id != "cloister" || secret != "hush" || r.PostFormValue("code") != "good" || b64.EncodeToString(sum[:]) != f.challenge || r.PostFormValue("redirect_uri") != f.redirect {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(400)
			reply(w, map[string]string{"error": "invalid_grant"})
			return
		}
		reply(w, map[string]any{"access_token": "at", "token_type": "Bearer", "id_token": f.idToken(t)})
	})
	f.Server = httptest.NewServer(mux)
	t.Cleanup(f.Close)
	return f
}

func (f *fake) idToken(t *testing.T) string {
	claims := map[string]any{"iss": f.URL, "sub": "ada-1", "aud": "cloister", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(),
		"nonce": f.nonce, "email": "Ada@example.com", "email_verified": true}
	for k, v := range f.claims {
		if claims[k] = v; v == nil {
			delete(claims, k)
		}
	}
	body, err := json.Marshal(claims)
	if err != nil {
		t.Error(err)
	}
	text := b64.EncodeToString([]byte(`{"alg":"RS256","kid":"1"}`)) + "." + b64.EncodeToString(body)
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, f.signer, crypto.SHA256, sum[:])
	if err != nil {
		t.Error(err)
	}
	return text + "." + b64.EncodeToString(sig)
}

// begin starts a sign-in and has the provider remember what it was asked.
func (f *fake) begin(t *testing.T, p *Provider) Pending {
	t.Helper()
	to, x, err := p.Start(t.Context(), "https://cloister.example/sso/callback")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	f.challenge, f.nonce, f.redirect = q.Get("code_challenge"), q.Get("nonce"), q.Get("redirect_uri")
	if q.Get("code_challenge_method") != "S256" || q.Get("state") != x.State || !strings.Contains(q.Get("scope"), "openid") || q.Get("client_id") != "cloister" {
		t.Errorf("asked with %v", q)
	}
	return x
}

func (f *fake) provider() *Provider {
	return New(Config{Name: "Example", Issuer: f.URL, ClientID: "cloister", ClientSecret: "hush"})
}

func TestWhoSomebodyIs(t *testing.T) {
	f := newFake(t)
	p := f.provider()
	x := f.begin(t, p)
	got, err := p.Finish(t.Context(), x, url.Values{"state": {x.State}, "code": {"good"}})
	if want := (cloister.Identity{Issuer: f.URL, Subject: "ada-1", Email: "ada@example.com"}); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestWhatIsNotBelieved(t *testing.T) {
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change  func(f *fake, p *Provider, back url.Values)
		kind    cloister.Kind
		message string
	}{
		"another state":          {func(_ *fake, _ *Provider, back url.Values) { back.Set("state", "x") }, cloister.Forbidden, "not begun here"},
		"no state":               {func(_ *fake, _ *Provider, back url.Values) { back.Del("state") }, cloister.Forbidden, "not begun here"},
		"another nonce":          {func(f *fake, _ *Provider, _ url.Values) { f.nonce = "x" }, cloister.Forbidden, "not begun here"},
		"another code":           {func(_ *fake, _ *Provider, back url.Values) { back.Set("code", "x") }, cloister.Forbidden, "did not confirm who you are (invalid_grant)"},
		"another challenge":      {func(f *fake, _ *Provider, _ url.Values) { f.challenge = "x" }, cloister.Forbidden, "did not confirm"},
		"they refused":           {func(_ *fake, _ *Provider, back url.Values) { back.Set("error", "access_denied\x1b[2J") }, cloister.Forbidden, "did not let you in: access_denied[2J"},
		"an address not theirs":  {func(f *fake, _ *Provider, _ url.Values) { f.claims = map[string]any{"email_verified": false} }, cloister.Forbidden, "does not say that the address ada@example.com is yours"},
		"nothing of the address": {func(f *fake, _ *Provider, _ url.Values) { f.claims = map[string]any{"email_verified": nil} }, cloister.Forbidden, "sso_trust_email"},
		"no address": {func(f *fake, _ *Provider, _ url.Values) {
			f.claims, f.userInfo = map[string]any{"email": nil}, map[string]any{"sub": "ada-1"}
		}, cloister.Forbidden, "does not tell your e-mail address"},
		"somebody else's page": {func(f *fake, _ *Provider, _ url.Values) {
			f.claims, f.userInfo = map[string]any{"email": nil}, map[string]any{"sub": "eve-1", "email": "eve@example.com", "email_verified": true}
		}, cloister.Internal, ""},
		"for another client":  {func(f *fake, _ *Provider, _ url.Values) { f.claims = map[string]any{"aud": "other"} }, cloister.Internal, ""},
		"of another provider": {func(f *fake, _ *Provider, _ url.Values) { f.claims = map[string]any{"iss": "https://other.example"} }, cloister.Internal, ""},
		"over": {func(f *fake, _ *Provider, _ url.Values) {
			f.claims = map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}
		}, cloister.Internal, ""},
		"signed by a stranger": {func(f *fake, _ *Provider, _ url.Values) { f.signer = stranger }, cloister.Internal, ""},
		"the provider is away": {func(f *fake, _ *Provider, _ url.Values) { f.Close() }, cloister.Unavailable, "does not answer now"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			p := f.provider()
			x := f.begin(t, p)
			back := url.Values{"state": {x.State}, "code": {"good"}}
			test.change(f, p, back)
			got, err := p.Finish(t.Context(), x, back)
			if cloister.KindOf(err) != test.kind || test.message != "" && !strings.Contains(cloister.MessageOf(err), test.message) || got != (cloister.Identity{}) {
				t.Errorf("got %+v, %v (%s)", got, err, cloister.MessageOf(err))
			}
		})
	}
}

func TestAnAddressFromThePageAboutSomebody(t *testing.T) {
	f := newFake(t)
	p := f.provider()
	x := f.begin(t, p)
	f.claims, f.userInfo = map[string]any{"email": nil}, map[string]any{"sub": "ada-1", "email": "ada@example.com", "email_verified": "true"}
	got, err := p.Finish(t.Context(), x, url.Values{"state": {x.State}, "code": {"good"}})
	if err != nil || got.Email != "ada@example.com" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestAProviderMayComeLater(t *testing.T) {
	f := newFake(t)
	p := New(Config{Name: "Example", Issuer: "http://127.0.0.1:1", ClientID: "cloister", ClientSecret: "hush"})
	if _, _, err := p.Start(t.Context(), "https://cloister.example/sso/callback"); cloister.KindOf(err) != cloister.Unavailable {
		t.Fatalf("got %v", err)
	}
	p.config.Issuer = f.URL
	f.begin(t, p)
}
