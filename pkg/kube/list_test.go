package kube

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/client-go/kubernetes/scheme"
)

// podServer is an API server whose answers break. What a real one answers is
// tested on the sandbox.
type podServer struct {
	t *testing.T

	mu       sync.Mutex
	pods     []corev1.Pod
	requests []string
	// faults are played one for each request, until they are used up.
	faults []fault
}

// fault changes the answer to one request.
type fault struct {
	// cut the connection after so many bytes, if any.
	cut int
	// refuse with this instead of answering.
	refuse *apierrors.StatusError
	// before is done before answering.
	before func(s *podServer)
}

func (s *podServer) answer(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r.URL.RawQuery)
	var f fault
	if len(s.faults) > 0 {
		f, s.faults = s.faults[0], s.faults[1:]
	}
	if f.before != nil {
		f.before(s)
	}
	if f.refuse != nil {
		s.write(w, int(f.refuse.ErrStatus.Code), &f.refuse.ErrStatus, 0)
		return
	}
	s.write(w, http.StatusOK, s.list(r), f.cut)
}

// list is the answer to a request, in pages if it asks for them.
func (s *podServer) list(r *http.Request) *corev1.PodList {
	query := r.URL.Query()
	from, limit := 0, len(s.pods)
	if text := query.Get("continue"); text != "" {
		token, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			s.t.Errorf("the token %q is not the server's", text)
		}
		from = slices.IndexFunc(s.pods, func(p corev1.Pod) bool { return p.Name > string(token) })
		if from < 0 {
			from = len(s.pods)
		}
	}
	if text := query.Get("limit"); text != "" {
		limit, _ = strconv.Atoi(text)
	}
	list := &corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: strconv.Itoa(1000 + len(s.requests))}}
	list.Items = s.pods[from:min(from+limit, len(s.pods))]
	if from+limit < len(s.pods) {
		list.Continue = base64.StdEncoding.EncodeToString([]byte(list.Items[len(list.Items)-1].Name))
	}
	return list
}

func (s *podServer) write(w http.ResponseWriter, code int, object runtime.Object, cut int) {
	var b bytes.Buffer
	encoder := scheme.Codecs.EncoderForVersion(protobuf.NewSerializer(scheme.Scheme, scheme.Scheme), schema.GroupVersion{Version: "v1"})
	if err := encoder.Encode(object, &b); err != nil {
		s.t.Error(err)
	}
	w.Header().Set("Content-Type", runtime.ContentTypeProtobuf)
	w.WriteHeader(code)
	if cut > 0 && cut < b.Len() {
		_, _ = w.Write(b.Bytes()[:cut])
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(b.Bytes())
}

func manyPods(n int) []corev1.Pod {
	pods := make([]corev1.Pod, n)
	for i := range pods {
		pods[i] = corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: fmt.Sprintf("web-%05d", i), Annotations: map[string]string{"contoso.example/note": strings.Repeat("x", 200)}},
			Spec:       corev1.PodSpec{NodeName: "aks-nodepool1-12345678-vmss000000"},
		}
	}
	return pods
}

// readNames reads all pods and gives their names in the order of their arrival.
func readNames(t *testing.T, s *podServer, version string) (names []string, resourceVersion string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	resourceVersion, err = clientOf(t, s.answer).EachPod(ctx, PodRequest{ServerVersion: version}, func(p *corev1.Pod) {
		names = append(names, p.Name)
	})
	return names, resourceVersion, err
}

func namesOf(pods []corev1.Pod) []string {
	names := make([]string, len(pods))
	for i := range pods {
		names[i] = pods[i].Name
	}
	return names
}

func TestEachPodAsksAsTheServerBearsIt(t *testing.T) {
	for _, test := range []struct {
		version string
		want    int
	}{{"v1.33.0", 1}, {"v1.35.4-aks", 1}, {"v1.32.9", 3}, {"", 3}, {"none", 3}} {
		s := &podServer{t: t, pods: manyPods(1200)}
		names, version, err := readNames(t, s, test.version)
		if err != nil || version != "1001" {
			t.Errorf("%s: %v, version %q", test.version, err, version)
		}
		if !slices.Equal(names, namesOf(s.pods)) {
			t.Errorf("%s: %d pods", test.version, len(names))
		}
		if len(s.requests) != test.want {
			t.Errorf("%s: asked %q, want %d requests", test.version, s.requests, test.want)
		}
	}
}

func expired(token string) *apierrors.StatusError {
	err := apierrors.NewResourceExpired("the token is too old")
	if token != "" {
		err.ErrStatus.Continue = base64.StdEncoding.EncodeToString([]byte(token))
	}
	return err
}

// However the reading breaks, every pod that is there throughout is seen once.
func TestEachPodResumes(t *testing.T) {
	busy := apierrors.NewServiceUnavailable("starting")
	for name, test := range map[string]struct {
		version string
		faults  []fault
		// requests wanted, 0 for as many as it takes.
		requests int
	}{
		"cut in the whole list":         {"v1.35.0", []fault{{cut: 150_000}}, 4},
		"cut in its first bytes":        {"v1.35.0", []fault{{cut: 2}}, 0},
		"cut between two pages":         {"v1.30.0", []fault{{}, {cut: 1}}, 4},
		"cut in a page":                 {"v1.30.0", []fault{{}, {cut: 60_000}}, 4},
		"cut again and again":           {"v1.35.0", []fault{{cut: 200_000}, {cut: 100_000}, {cut: 90_000}, {cut: 80_000}}, 0},
		"refused for a while":           {"v1.30.0", []fault{{}, {refuse: busy}, {refuse: busy}}, 5},
		"the token expires":             {"v1.30.0", []fault{{}, {refuse: expired("web-00499\x00")}}, 4},
		"the token expires after a cut": {"v1.30.0", []fault{{}, {cut: 60_000}, {refuse: expired("web-00499\x00")}}, 5},
		"pods come and go in the meantime": {"v1.35.0", []fault{{cut: 150_000}, {before: func(s *podServer) {
			s.pods = slices.Insert(slices.Clone(s.pods), 3, corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-00002-new"}})
		}}}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &podServer{t: t, pods: manyPods(1200), faults: test.faults}
			names, version, err := readNames(t, s, test.version)
			if name == "cut in its first bytes" {
				if err == nil {
					t.Error("an answer without its beginning is none")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if version != "1001" {
				t.Errorf("a watch from version %s on would miss what happened since 1001", version)
			}
			slices.Sort(names)
			if want := namesOf(s.pods); !slices.Equal(names, want) {
				t.Errorf("%d pods, want %d", len(names), len(want))
			}
			if test.requests > 0 && len(s.requests) != test.requests {
				t.Errorf("%d requests, want %d: %q", len(s.requests), test.requests, s.requests)
			}
		})
	}
}

func TestEachPodGivesUp(t *testing.T) {
	always := slices.Repeat([]fault{{cut: 150_000}}, 20)
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", errors.New("no"))
	for name, test := range map[string]struct {
		faults []fault
		check  func(error) bool
		most   int
	}{
		"when no pod comes any more":               {always, func(err error) bool { return strings.Contains(err.Error(), "5 times in a row") }, 6},
		"when denied":                              {[]fault{{refuse: forbidden}}, apierrors.IsForbidden, 1},
		"when denied on the way":                   {[]fault{{cut: 150_000}, {refuse: forbidden}}, apierrors.IsForbidden, 2},
		"when a token expires and none is offered": {[]fault{{cut: 150_000}, {}, {refuse: expired("")}}, apierrors.IsResourceExpired, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &podServer{t: t, pods: manyPods(1200), faults: test.faults}
			_, _, err := readNames(t, s, "v1.35.0")
			if err == nil || !test.check(err) {
				t.Errorf("got %v", err)
			}
			if len(s.requests) > test.most {
				t.Errorf("asked %d times", len(s.requests))
			}
		})
	}
}

// What is no list in protobuf is said to be none.
func TestEachPodRefusesOtherAnswers(t *testing.T) {
	for _, answer := range []string{"", "{\"kind\":\"PodList\"}", "k8s", "k8s\x00", "k8s\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"} {
		handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) })
		_, err := clientOf(t, handler).EachPod(t.Context(), PodRequest{}, func(*corev1.Pod) { t.Error("a pod was seen") })
		if err == nil {
			t.Errorf("%q was taken for a list", answer)
		}
	}
}
