package arm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// A serviceError is an answer that is not a success. Azure has two shapes for
// its body: the resource provider answers flat, the gateway in front of it wraps
// the error and says so in a header.
type serviceError struct {
	status        int
	code, message string
	subcode       string
	target        string
	// details is what the member of this name holds; nil means null.
	details *value
	// raw replaces the body, for a service with a shape of its own.
	raw     *value
	gateway bool
	header  http.Header
}

func (e *serviceError) Error() string { return fmt.Sprintf("%d %s: %s", e.status, e.code, e.message) }

// providerError is an error in the words of the resource provider.
func providerError(status int, code, format string, args ...any) *serviceError {
	return &serviceError{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

// gatewayError is an error in the words of Resource Manager itself.
func gatewayError(status int, code, format string, args ...any) *serviceError {
	e := providerError(status, code, format, args...)
	e.gateway = true
	return e
}

func (e *serviceError) with(header, content string) *serviceError {
	if e.header == nil {
		e.header = http.Header{}
	}
	e.header.Set(header, content)
	return e
}

func (e *serviceError) reply() reply {
	header := e.header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if e.gateway {
		header.Set("X-Ms-Failure-Cause", "gateway")
		header.Set("Content-Type", "application/json; charset=utf-8")
	}
	return reply{status: e.status, header: header, body: e.spelled()}
}

// spelled is the body as it is sent; the gateway wastes no space.
func (e *serviceError) spelled() []byte {
	var compact bytes.Buffer
	body := e.body().bytes()
	if e.gateway && json.Compact(&compact, body) == nil {
		return compact.Bytes()
	}
	return body
}

func (e *serviceError) body() *value {
	if e.raw != nil {
		return e.raw
	}
	code, message := newMember("code", newText(e.code)), newMember("message", newText(e.message))
	if e.gateway {
		return newObject(newMember("error", newObject(code, message)))
	}
	details := e.details
	if details == nil {
		details = newNull()
	}
	flat := newObject(code, newMember("details", details), message, newMember("subcode", newText(e.subcode)))
	if e.target != "" {
		flat.set(newText(e.target), "target")
	}
	return flat
}

// replyTo turns what a handler returned into an answer.
func replyTo(r reply, err error) reply {
	var e *serviceError
	switch {
	case err == nil:
		return r
	case errors.As(err, &e):
		return e.reply()
	}
	return providerError(http.StatusInternalServerError, "InternalOperationError", "%v", err).reply()
}

// Errors of the gateway about things that are not there.

func subscriptionNotFound(name string) error {
	return gatewayError(404, "SubscriptionNotFound", "The subscription '%s' could not be found.", name)
}

func groupNotFound(name string) error {
	return gatewayError(404, "ResourceGroupNotFound", "Resource group '%s' could not be found.", name)
}

func clusterNotFound(group, name string) error {
	return gatewayError(404, "ResourceNotFound",
		"The Resource 'Microsoft.ContainerService/managedClusters/%s' under resource group '%s' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix", name, group)
}

// Errors of the resource provider that more than one place answers with.

// operationNotAllowed is the conflict with a running operation.
func operationNotAllowed(operation, started string) *serviceError {
	return providerError(409, "OperationNotAllowed",
		"Operation is not allowed because there's an in progress update managed cluster operation (operation ID: %s) on the managed cluster started at %s. Please wait for it to finish before starting a new operation. See https://aka.ms/aks-pending-operation for more details", operation, started)
}

// etagMismatch is the conflict that the provider finds while it stores a change
// (recorded in Azure/terraform-azurerm-aks issue 604).
func etagMismatch() *serviceError {
	e := providerError(409, "EtagMismatch", "Operation is not allowed: Another operation is in progress")
	e.subcode = "PutManagedClusterAndComponents_FailedPrecondition"
	e.details = newArray(newObject(
		newMember("code", newText("Unspecified")),
		newMember("message", newText("rpc error: code = FailedPrecondition desc = Etag mismatched"))))
	return e
}

// preconditionFailed is the answer to an if-match that does not match. Its exact
// body is unverified; the code is the one that Azure documents.
func preconditionFailed(given, current string) *serviceError {
	return providerError(412, "PreConditionFailed", "The etag %q in the if-match header does not match the etag %q of the managed cluster.", given, current)
}

// authorizationFailed is the gateway's refusal for want of a role.
func authorizationFailed(client, object, action, scope string) *serviceError {
	return gatewayError(403, "AuthorizationFailed",
		"The client '%s' with object id '%s' does not have authorization to perform action '%s' over scope '%s' or the scope is invalid. If access was recently granted, please refresh your credentials.",
		client, object, action, scope)
}
