package azure

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// FeatureName is the flag that gated CNIChaining while it was a preview. Stable
// api-versions do not need it.
const FeatureName = "IstioCNIPreview"

// States of a feature flag that matter here; Azure has more.
const (
	FeatureRegistered   = "Registered"
	FeatureUnregistered = "Unregistered"
)

func featurePath(subscription, action string) string {
	return "/subscriptions/" + subscription + "/providers/Microsoft.Features/providers/Microsoft.ContainerService/features/" + FeatureName + action
}

type featureBody struct {
	Properties struct {
		State string `json:"state"`
	} `json:"properties"`
}

// Feature reads the state of the preview feature flag in a subscription.
func (c *Client) Feature(ctx context.Context, subscription string) (string, error) {
	var feature featureBody
	err := c.get(ctx, featurePath(subscription, ""), featuresAPIVersion, &feature)
	return feature.Properties.State, explain(fmt.Sprintf("read feature %s of subscription %s", FeatureName, subscription), err)
}

// SetFeature registers the flag, or takes it back, and waits until that is
// done, which takes minutes. The provider learns of it only when it is registered
// again, so that is done last.
func (c *Client) SetFeature(ctx context.Context, subscription string, register bool, progress Progress) error {
	action, want := "/unregister", FeatureUnregistered
	if register {
		action, want = "/register", FeatureRegistered
	}
	attempt := fmt.Sprintf("%s feature %s in subscription %s", strings.TrimPrefix(action, "/"), FeatureName, subscription)
	if _, err := c.do(ctx, request{method: http.MethodPost, path: featurePath(subscription, action), apiVersion: featuresAPIVersion}); err != nil {
		return explain(attempt, err)
	}
	err := c.poll(ctx, progress, func(ctx context.Context) (bool, string, time.Duration, error) {
		state, err := c.Feature(ctx, subscription)
		return state == want || !register && state == "NotRegistered", state, 0, err
	})
	if err != nil {
		return explain(attempt, err)
	}
	return c.registerProvider(ctx, subscription, progress)
}

// registerProvider makes Microsoft.ContainerService take note of a feature flag.
func (c *Client) registerProvider(ctx context.Context, subscription string, progress Progress) error {
	attempt := "register the provider Microsoft.ContainerService in subscription " + subscription
	path := "/subscriptions/" + subscription + "/providers/Microsoft.ContainerService"
	if _, err := c.do(ctx, request{method: http.MethodPost, path: path + "/register", apiVersion: resourcesAPIVersion}); err != nil {
		return explain(attempt, err)
	}
	err := c.poll(ctx, progress, func(ctx context.Context) (bool, string, time.Duration, error) {
		var provider struct {
			RegistrationState string `json:"registrationState"`
		}
		err := c.get(ctx, path, resourcesAPIVersion, &provider)
		return provider.RegistrationState == "Registered", "provider " + provider.RegistrationState, 0, err
	})
	return explain(attempt, err)
}
