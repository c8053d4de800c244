package azure

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

func TestOneSlowTryIsNotTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		err := inMemory(&service{}).poll(t.Context(), func(string) {}, func(context.Context) (bool, string, time.Duration, error) {
			if asked++; asked == 2 {
				return false, "", 0, context.DeadlineExceeded // azcore's tryTimeout, not ours
			}
			return asked == 4, "InProgress", 0, nil
		})
		if err != nil {
			t.Errorf("nobody's deadline has passed, and yet %v", err)
		}
	})
}

func TestClusterIDWithoutAGroup(t *testing.T) {
	if got, err := ParseClusterID("/subscriptions/s/providers/Microsoft.ContainerService/managedClusters/x"); err == nil {
		t.Errorf("got %+v", got)
	}
}

func TestTenantThatIsNone(t *testing.T) {
	if got := tenantFromChallenge(`Bearer authorization_uri="https://login.windows.net/"`); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestInterruptedWritesAreUncertain(t *testing.T) {
	if !isUncertain(context.Canceled) {
		t.Error("a write that was interrupted on its way may have taken effect")
	}
}

func TestSignInErrorsSurvive(t *testing.T) {
	err := withoutQuery(&SignInError{&url.Error{Op: "Get", URL: "http://127.0.0.1/token?resource=x", Err: errors.New("refused")}})
	if !IsDenied(err) {
		t.Errorf("a sign-in that failed turned into %v", err)
	}
}

func TestSignInErrorsAreReadable(t *testing.T) {
	err := &SignInError{errors.New("ManagedIdentityCredential authentication failed.\nGET http://127.0.0.1/token\n--------------------------------------------------------------------------------\nRESPONSE 400: 400 Bad Request\n--------------------------------------------------------------------------------\n{}")}
	if strings.Contains(err.Error(), "-----") {
		t.Errorf("got %v", err)
	}
}

func TestNotOnlyPreviewsAreUnstable(t *testing.T) {
	if got, err := ChooseAPIVersion([]string{"2026-01-01-beta", "2026-01-01"}); err != nil || got.Name != "2026-01-01" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestPortalName(t *testing.T) {
	document, err := ParseDocument([]byte(`{"id":"x","properties":{"fqdn":"a.hcp.westeurope.azmk8s.io","azurePortalFQDN":"a.portal.hcp.westeurope.azmk8s.io"}}`))
	if err != nil {
		t.Fatal(err)
	}
	// identifyByServer finds this cluster by the name, Prove must know it too.
	if proof, err := (Trace{ServerNames: []string{"a.portal.hcp.westeurope.azmk8s.io"}}).Prove(contoso(), document.Cluster(stable())); err != nil || proof == "" {
		t.Errorf("got %q, %v", proof, err)
	}
}

func TestTheRequestIDReachesThePerson(t *testing.T) {
	if got := (&ServiceError{Status: 500, RequestID: "request-1"}); !strings.Contains(got.Error(), "request-1") {
		t.Errorf("nothing shows it: %v", got)
	}
}

func TestNotFoundHasNoWayOut(t *testing.T) {
	for _, code := range []string{"ResourceNotFound", "ResourceGroupNotFound"} {
		if remedy(&ServiceError{Status: 404, Code: code}) == "" {
			t.Errorf("%s: no remedy", code)
		}
	}
}

var _ = snapshot.Identity{}
