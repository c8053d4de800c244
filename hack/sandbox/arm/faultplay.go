package arm

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// play answers a call with a fault. With applied the call takes effect first,
// and its answer is lost.
func (s *Server) play(f *fault, c *call) reply {
	if f.delay > 0 {
		sleep(c.r.Context(), f.delay)
	}
	if f.kind == "" {
		return s.handle(c)
	}
	var lost reply
	harmless := c.r.Method == http.MethodGet && f.kind == kindReset
	if f.applied || harmless {
		lost = s.handle(c)
	}
	if f.kind == kindReset {
		return broken(lost)
	}
	return s.faultError(f, c).reply()
}

// broken is an answer that breaks off. A request that did not take effect breaks
// off within the beginning of an answer all the same.
func broken(whole reply) reply {
	if whole.status == 0 {
		whole = reply{status: http.StatusOK, body: []byte("{\n \"id\": \"/subscriptions/\",\n \"location\": \"\"\n}")}
	}
	whole.broken = true
	return whole
}

// faultError is what Azure says when it fails in the way that was asked for.
func (s *Server) faultError(f *fault, c *call) *serviceError {
	e := s.usualError(f, c)
	if f.code != "" {
		e.code = f.code
	}
	if f.shape != "" {
		e.gateway = f.shape == "wrapped"
	}
	seconds := f.retryAfter
	if seconds < 0 && f.status == http.StatusTooManyRequests {
		seconds = 1
	}
	if seconds >= 0 {
		e = e.with("Retry-After", strconv.Itoa(seconds))
	}
	return e
}

func (s *Server) usualError(f *fault, c *call) *serviceError {
	now := c.started
	switch f.kind {
	case kindExpired:
		return s.expired(c.r, now.Add(-time.Minute), now)
	case kindForbidden:
		return authorizationFailed(s.clientID(), s.objectID(), c.action(), c.r.URL.Path)
	case kindNotAllowed:
		return operationNotAllowed(newGUID(), timestamp(now.Add(-time.Minute)))
	case kindEtagMismatch:
		return etagMismatch()
	case kindPrecondition:
		return preconditionFailed(strings.Trim(c.r.Header.Get("If-Match"), `"`), newGUID())
	}
	return statusError(f.status)
}

// statusError is the usual error with a status. Throttling and what happens
// between the gateway and the provider is said by the gateway.
func statusError(status int) *serviceError {
	switch status {
	case http.StatusUnauthorized:
		return gatewayError(status, "InvalidAuthenticationToken", "The access token is invalid.")
	case http.StatusForbidden:
		return gatewayError(status, "AuthorizationFailed", "The client does not have authorization to perform the action.")
	case http.StatusTooManyRequests:
		return gatewayError(status, "TooManyRequests", "The request is being throttled as the limit has been reached for operation type - Reads and writes of managed clusters. For more information, see - https://aka.ms/srpthrottlinglimits")
	case http.StatusInternalServerError:
		return providerError(status, "InternalOperationError", "Internal server error")
	case http.StatusBadGateway:
		return gatewayError(status, "BadGatewayConnection", "The network connectivity issue encountered for 'Microsoft.ContainerService'; cannot fulfill the request.")
	case http.StatusServiceUnavailable:
		return gatewayError(status, "ServerTimeout", "The request timed out. Diagnostic information: please try again later.")
	case http.StatusGatewayTimeout:
		return gatewayError(status, "GatewayTimeout", "The gateway did not receive a response from 'Microsoft.ContainerService' within the specified time period.")
	}
	code := strings.ReplaceAll(http.StatusText(status), " ", "")
	if code == "" {
		code = fmt.Sprintf("Status%d", status)
	}
	return providerError(status, code, "%s", http.StatusText(status))
}

// action is the name of the permission that a call needs.
func (c *call) action() string {
	switch c.route.operation {
	case opGetGroup, opListGroups:
		return "Microsoft.Resources/subscriptions/resourceGroups/read"
	case opGetFeature, opListFeatures:
		return "Microsoft.Features/providers/features/read"
	case opRegisterFeature:
		return "Microsoft.Features/providers/features/register/action"
	case opRegisterProvider:
		return "Microsoft.ContainerService/register/action"
	case opPutCluster:
		return "Microsoft.ContainerService/managedClusters/write"
	case opCredentials:
		return "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action"
	case opGraph:
		return "Microsoft.ResourceGraph/resources/read"
	}
	return "Microsoft.ContainerService/managedClusters/read"
}
