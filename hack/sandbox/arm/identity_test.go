package arm

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestManagedIdentityEndpoint(t *testing.T) {
	a := start(t)
	secret := http.Header{"X-Identity-Header": {"contoso-secret"}}
	path := "/msi/token?api-version=2019-08-01&resource=" + url.QueryEscape(a.url)
	got := a.send("GET", path, "", secret)
	equal(t, "status", got.status, 200)
	equal(t, "type", got.text("token_type"), "Bearer")
	equal(t, "resource", got.text("resource"), a.url)
	expires, err := strconv.ParseInt(got.text("expires_on"), 10, 64)
	if left := time.Until(time.Unix(expires, 0)); err != nil || left < 59*time.Minute || left > time.Hour {
		t.Errorf("expires_on is %q: %v left (%v)", got.text("expires_on"), left, err)
	}
	parts := strings.Split(got.text("access_token"), ".")
	if len(parts) != 3 {
		t.Fatalf("the token has %d segments", len(parts))
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var inside map[string]any
	if err := json.Unmarshal(payload, &inside); err != nil {
		t.Fatal(err)
	}
	equal(t, "tid", fmt.Sprint(inside["tid"]), testTenant)
	equal(t, "aud", fmt.Sprint(inside["aud"]), a.url)
	equal(t, "oid is a GUID", isGUID(fmt.Sprint(inside["oid"])), true)

	a.token = got.text("access_token")
	equal(t, "with the token", a.get(clusterPath, stable).status, 200)

	for name, refused := range map[string]answer{
		"401 without the header": a.send("GET", path, "", nil),
		"401 with another":       a.send("GET", path, "", http.Header{"X-Identity-Header": {"x"}}),
		"400 api-version":        a.send("GET", strings.Replace(path, "2019", "2018", 1), "", secret),
		"400 resource":           a.send("GET", "/msi/token?api-version=2019-08-01", "", secret),
		"400 client":             a.send("GET", path+"&client_id="+newGUID(), "", secret),
	} {
		equal(t, name, fmt.Sprint(refused.status), name[:3])
		equal(t, name, refused.text("statusCode"), name[:3])
	}
	equal(t, "its own client", a.send("GET", path+"&client_id="+a.clientID(), "", secret).status, 200)
}

func TestTokensAreChecked(t *testing.T) {
	a := start(t)
	other := start(t)
	good := a.token
	expired, _ := a.issue(a.url, time.Now().Add(-2*time.Hour))
	wrong, _ := a.issue("https://vault.azure.net", time.Now())
	for _, test := range []struct {
		name, authorization, code, description string
	}{
		{"none", "", "AuthenticationFailed", "missing 'Authorization' header"},
		{"basic", "Basic Y29udG9zbw==", "AuthenticationFailedInvalidHeader", "invalid format"},
		{"nonsense", "Bearer nonsense", "InvalidAuthenticationToken", "invalid"},
		{"tampered", "Bearer " + good[:len(good)-4] + "AAAA", "InvalidAuthenticationToken", "invalid"},
		{"of another Azure", "Bearer " + other.token, "InvalidAuthenticationToken", "invalid"},
		{"expired", "Bearer " + expired, "ExpiredAuthenticationToken", "expired"},
		{"for another audience", "Bearer " + wrong, "InvalidAuthenticationTokenAudience", "https://vault.azure.net"},
	} {
		t.Run(test.name, func(t *testing.T) {
			header := http.Header{"Authorization": {test.authorization}}
			if test.authorization == "" {
				header = http.Header{"Authorization": nil}
			}
			got := a.send("GET", clusterPath+"?api-version="+stable, "", header)
			equal(t, "status", got.status, 401)
			equal(t, "code", got.text("error", "code"), test.code)
			challenge := got.header.Get("WWW-Authenticate")
			begin := `Bearer authorization_uri="` + a.url + "/" + testTenant + `", error="invalid_token", error_description="`
			if !strings.HasPrefix(challenge, begin) || !strings.Contains(challenge[len(begin):], test.description) {
				t.Errorf("the challenge is %s", challenge)
			}
		})
	}
}

func TestAudiences(t *testing.T) {
	a := start(t)
	for _, audience := range []string{a.url, a.url + "/", "https://management.azure.com", "https://management.core.windows.net/"} {
		a.token, _ = a.issue(audience, time.Now())
		equal(t, audience, a.get(clusterPath, stable).status, 200)
	}
}

func TestServerWithoutBaseURL(t *testing.T) {
	a := start(t, func(c *Config) { c.BaseURL, c.IdentityHeader = "", "" })
	got := a.send("GET", "/msi/token?api-version=2019-08-01&resource="+url.QueryEscape(a.url), "", http.Header{"X-Identity-Header": {"any"}})
	a.token = got.text("access_token")
	a.follow(a.put(a.edited(stable, nil), stable, nil)) // fails unless the operation's URL has this host
}
