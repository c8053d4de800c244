package azure

import (
	"context"
	"net/http"
	"path"
	"regexp"
	"time"
)

// TenantOf asks the Resource Manager which tenant a subscription belongs to. It
// needs no sign-in: the refusal of an anonymous request names the tenant. "" if
// it cannot be told, in which case the sign-in's own default is used.
func TenantOf(ctx context.Context, cloud Cloud, subscription string) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	url := cloud.ResourceManager() + "/subscriptions/" + subscription + "?api-version=" + resourcesAPIVersion
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
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
	return path.Base(found[1])
}
