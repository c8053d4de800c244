package azure

import (
	"context"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"time"
)

// TenantOf asks the Resource Manager which tenant a subscription belongs to. It
// needs no sign-in: the refusal of an anonymous request names the tenant. "" if
// it cannot be told, in which case the sign-in's own default is used.
func TenantOf(ctx context.Context, cloud Cloud, subscription string) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	address := cloud.ResourceManager() + "/subscriptions/" + subscription + "?api-version=" + resourcesAPIVersion
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return ""
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	return tenantFromChallenge(resp.Header.Get("WWW-Authenticate"))
}

// tenantFromChallenge reads the tenant out of a challenge such as
// Bearer authorization_uri="https://login.windows.net/TENANT", ….
func tenantFromChallenge(challenge string) string {
	found := regexp.MustCompile(`authorization(?:_uri)?="([^"]+)"`).FindStringSubmatch(challenge)
	if found == nil {
		return ""
	}
	authority, err := url.Parse(found[1])
	if err != nil || strings.Trim(authority.Path, "/") == "" {
		return ""
	}
	return path.Base(authority.Path)
}
