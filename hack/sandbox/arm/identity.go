package arm

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// claims of an access token, as Microsoft Entra ID names them.
type claims struct {
	Audience string `json:"aud"`
	Issuer   string `json:"iss"`
	IssuedAt int64  `json:"iat"`
	NotYet   int64  `json:"nbf"`
	Expires  int64  `json:"exp"`
	Client   string `json:"appid"`
	Type     string `json:"idtyp"`
	Object   string `json:"oid"`
	Subject  string `json:"sub"`
	Tenant   string `json:"tid"`
	Version  string `json:"ver"`
}

// client and object ids of the identity that everybody has here.
func (s *Server) clientID() string { return guid(s.cfg.Tenant, "identity-client") }
func (s *Server) objectID() string { return guid(s.cfg.Tenant, "identity-object") }

// token is the managed-identity endpoint of App Service, api-version 2019-08-01.
func (s *Server) token(c *call) (reply, error) {
	query := c.r.URL.Query()
	refuse := func(status int, format string, args ...any) error {
		return &serviceError{status: status, raw: newObject(
			newMember("statusCode", newNumber(status)),
			newMember("message", newText(fmt.Sprintf(format, args...))))}
	}
	given := c.r.Header.Get("X-Identity-Header")
	if given == "" || s.cfg.IdentityHeader != "" && !hmac.Equal([]byte(given), []byte(s.cfg.IdentityHeader)) {
		return reply{}, refuse(401, "The X-IDENTITY-HEADER is missing or does not match.")
	}
	if c.version != "2019-08-01" {
		return reply{}, refuse(400, "The api-version '%s' is not supported.", c.version)
	}
	resource := query.Get("resource")
	if resource == "" {
		return reply{}, refuse(400, "The resource is missing.")
	}
	if id := query.Get("client_id"); id != "" && !strings.EqualFold(id, s.clientID()) {
		return reply{}, refuse(400, "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.")
	}
	token, expires := s.issue(resource, c.started)
	return ok(newObject(
		newMember("access_token", newText(token)),
		newMember("expires_on", newText(strconv.FormatInt(expires.Unix(), 10))),
		newMember("resource", newText(resource)),
		newMember("token_type", newText("Bearer")),
		newMember("client_id", newText(s.clientID()))))
}

// issue makes an access token. It looks like Entra's: three segments of which
// the first two are JSON.
func (s *Server) issue(resource string, now time.Time) (string, time.Time) {
	expires := now.Add(s.cfg.Timing.TokenLifetime)
	header, _ := json.Marshal(map[string]string{"typ": "JWT", "alg": "HS256", "kid": digest(s.cfg.Tenant)[:27]})
	payload, _ := json.Marshal(claims{
		Audience: resource, Issuer: "https://sts.windows.net/" + s.cfg.Tenant + "/", Version: "1.0", Type: "app",
		IssuedAt: now.Unix(), NotYet: now.Unix(), Expires: expires.Unix(),
		Client: s.clientID(), Object: s.objectID(), Subject: s.objectID(), Tenant: s.cfg.Tenant,
	})
	signed := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
	return signed + "." + base64.RawURLEncoding.EncodeToString(s.sign(signed)), expires
}

func (s *Server) sign(parts ...string) []byte {
	mac := hmac.New(sha256.New, s.secret)
	mac.Write([]byte(strings.Join(parts, "\x00")))
	return mac.Sum(nil)
}

// authenticate refuses a request without a good token, in the gateway's words.
func (s *Server) authenticate(c *call) error {
	r := c.r
	authorization := r.Header.Get("Authorization")
	if authorization == "" {
		return s.challenge(r, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.", "The authentication failed because of missing 'Authorization' header.")
	}
	scheme, token, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return s.challenge(r, "AuthenticationFailedInvalidHeader", "Authentication failed. The 'Authorization' header is provided in an invalid format.", "The 'Authorization' header is provided in an invalid format.")
	}
	granted, valid := s.verify(strings.TrimSpace(token))
	if !valid {
		return s.challenge(r, "InvalidAuthenticationToken", "The access token is invalid.", "The access token is invalid.")
	}
	if c.started.Unix() >= granted.Expires {
		return s.expired(r, time.Unix(granted.Expires, 0), c.started)
	}
	if !s.isAudience(r, granted.Audience) {
		message := fmt.Sprintf("The access token has been obtained for wrong audience or resource '%s'. It should exactly match with one of the allowed audiences '%s'.",
			granted.Audience, strings.Join(s.audiences(r), "','"))
		return s.challenge(r, "InvalidAuthenticationTokenAudience", message, message)
	}
	return nil
}

func (s *Server) verify(token string) (claims, bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return claims{}, false
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !hmac.Equal(signature, s.sign(parts[0]+"."+parts[1])) {
		return claims{}, false
	}
	var granted claims
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &granted) != nil {
		return claims{}, false
	}
	return granted, true
}

// audiences that Resource Manager accepts: its own URL, and those of the public
// cloud.
func (s *Server) audiences(r *http.Request) []string {
	own := s.base(r)
	return []string{"https://management.core.windows.net/", "https://management.core.windows.net", "https://management.azure.com/", "https://management.azure.com", own + "/", own}
}

func (s *Server) isAudience(r *http.Request, audience string) bool {
	for _, accepted := range s.audiences(r) {
		if strings.EqualFold(accepted, audience) {
			return true
		}
	}
	return false
}

func (s *Server) expired(r *http.Request, expiry, now time.Time) *serviceError {
	const layout = "1/2/2006 3:04:05 PM"
	message := fmt.Sprintf("The access token expiry UTC time '%s' is earlier than current UTC time '%s'.", expiry.UTC().Format(layout), now.UTC().Format(layout))
	return s.challenge(r, "ExpiredAuthenticationToken", message, "The access token has expired.")
}

// challenge is a 401. Clients read the tenant of a subscription from its header.
func (s *Server) challenge(r *http.Request, code, message, description string) *serviceError {
	return gatewayError(401, code, "%s", message).with("Www-Authenticate",
		fmt.Sprintf(`Bearer authorization_uri="%s/%s", error="invalid_token", error_description=%q`, s.base(r), s.cfg.Tenant, description))
}

func isGUID(s string) bool {
	return regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`).MatchString(s)
}
