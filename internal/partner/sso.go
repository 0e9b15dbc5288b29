package partner

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"github.com/cloister-dev/cloister"
)

// Token proves to a provider that the platform sends somebody, at a time: the SHA-1 of "<resource>:<salt>:<Unix time>" in
// hexadecimal, as Heroku's providers compute it too. They take it for five minutes.
func Token(resourceID, salt string, at time.Time) string {
	sum := sha1.Sum([]byte(resourceID + ":" + salt + ":" + strconv.FormatInt(at.Unix(), 10)))
	return hex.EncodeToString(sum[:])
}

// A Visit is somebody who goes to the dashboard of a resource.
type Visit struct {
	ResourceID string // a UUID
	ProviderID string // the provider's own name of it: Answer.ID
	App        string // the name of the app that the resource belongs to
	ContextApp string // of the app that the visitor comes from; "": the same
	Email      string // the visitor's
	UserID     string // the visitor's
}

// SSO (which needs the manifest's Name, and Salt and Production.SSOURL of the API) is where the browser of a visitor posts which form, within five minutes. The form is a secret: who has it is the visitor.
// A provider without a dashboard is NotFound.
func (m Manifest) SSO(v Visit, at time.Time) (to string, form url.Values, err error) {
	if m.API.Production.SSOURL == "" {
		return "", nil, cloister.Errorf(cloister.NotFound, "%s has no dashboard.", m.Name)
	}
	if v.ProviderID == "" {
		v.ProviderID = v.ResourceID
	}
	if v.ContextApp == "" {
		v.ContextApp = v.App
	}
	nav, err := json.Marshal(map[string]string{"addon": m.Name, "appname": v.App})
	if err != nil {
		return "", nil, err
	}
	salt := m.API.Salt.Reveal()
	return m.API.Production.SSOURL, url.Values{
		"resource_id": {v.ResourceID}, "resource_token": {Token(v.ResourceID, salt, at)},
		"id": {v.ProviderID}, "token": {Token(v.ProviderID, salt, at)}, // of version 1, which providers may still look at
		"timestamp": {strconv.FormatInt(at.Unix(), 10)}, "nav-data": {base64.URLEncoding.EncodeToString(nav)},
		"email": {v.Email}, "user_id": {v.UserID}, "app": {v.App}, "context_app": {v.ContextApp},
	}, nil
}
