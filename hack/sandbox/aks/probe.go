package aks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Names of the init containers.
const (
	initContainer       = "istio-init"
	validationContainer = "istio-validation"
)

const (
	// flipPatience is how long an injector may take to notice its ConfigMap.
	flipPatience = 30 * time.Second
	flipPause    = 20 * time.Millisecond
)

// waitInjects waits until istiod injects as the mechanism wants.
func (i *istiod) waitInjects(ctx context.Context, mechanism string) error {
	ctx, cancel := context.WithTimeout(ctx, flipPatience)
	defer cancel()
	wanted := initContainer
	if mechanism == CNIChaining {
		wanted = validationContainer
	}
	for {
		got, err := i.injects(ctx)
		if err == nil && got == wanted {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the injector of %s to inject %s: %w (last: %q, %w)", i.revision, wanted, ctx.Err(), got, err)
		case <-time.After(flipPause):
		}
	}
}

// injects asks istiod to inject a pod, as the API server would, and names the
// init container that redirects.
func (i *istiod) injects(ctx context.Context) (string, error) {
	response, err := i.review(ctx)
	if err != nil {
		return "", fmt.Errorf("ask istiod of %s to inject a pod: %w", i.revision, err)
	}
	for _, name := range []string{validationContainer, initContainer} {
		if bytes.Contains(response.Patch, []byte(`"`+name+`"`)) {
			return name, nil
		}
	}
	return "", nil
}

func (i *istiod) review(ctx context.Context) (*admissionv1.AdmissionResponse, error) {
	body, err := json.Marshal(probe())
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, i.url+"/inject", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := i.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, errors.New("it answers " + response.Status)
	}
	var review admissionv1.AdmissionReview
	if err := json.NewDecoder(response.Body).Decode(&review); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if review.Response == nil {
		return nil, errors.New("the answer is empty")
	}
	return review.Response, nil
}

// probe is the review of a pod that is only made for asking.
func probe() *admissionv1.AdmissionReview {
	pod := &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: "probe", Namespace: "default"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "probe", Image: "probe"}}},
	}
	return &admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{
			UID:       "probe",
			Kind:      metav1.GroupVersionKind{Version: "v1", Kind: "Pod"},
			Resource:  metav1.GroupVersionResource{Version: "v1", Resource: "pods"},
			Namespace: "default", Operation: admissionv1.Create,
			Object: runtime.RawExtension{Object: pod},
		},
	}
}
