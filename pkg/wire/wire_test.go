package wire

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"google.golang.org/protobuf/encoding/protowire"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/client-go/kubernetes/scheme"
)

// encoded is a list as the API server encodes it.
func encoded(tb testing.TB, list *corev1.PodList, options protobuf.SerializerOptions) []byte {
	tb.Helper()
	serializer := protobuf.NewSerializerWithOptions(scheme.Scheme, scheme.Scheme, options)
	var b bytes.Buffer
	if err := scheme.Codecs.EncoderForVersion(serializer, schema.GroupVersion{Version: "v1"}).Encode(list, &b); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// podsOfSizes are pods with an annotation of so many bytes each.
func podsOfSizes(sizes ...int) *corev1.PodList {
	list := &corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: "7", Continue: "next"}}
	for i, size := range sizes {
		list.Items = append(list.Items, corev1.Pod{ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprintf("web-%d", i), Annotations: map[string]string{"note": strings.Repeat("x", size)},
		}})
	}
	return list
}

// readAll reads a list to its end.
func readAll(r io.Reader) (*corev1.PodList, error) {
	got := &corev1.PodList{}
	list, err := NewList(r)
	if err != nil {
		return got, err
	}
	for {
		message, isItem, err := list.Next()
		switch {
		case errors.Is(err, io.EOF):
			return got, nil
		case err != nil:
			return got, err
		case !isItem:
			err = got.ListMeta.Unmarshal(message)
		default:
			var pod corev1.Pod
			err = pod.Unmarshal(message)
			got.Items = append(got.Items, pod)
		}
		if err != nil {
			return got, err
		}
	}
}

func TestList(t *testing.T) {
	want := podsOfSizes(0, 1, 100, bufferBytes-60, bufferBytes, bufferBytes+1, 3*bufferBytes, 5)
	for _, streamed := range []bool{false, true} {
		text := encoded(t, want, protobuf.SerializerOptions{StreamingCollectionsEncoding: streamed})
		for name, reader := range map[string]io.Reader{
			"at once": bytes.NewReader(text), "byte by byte": iotest.OneByteReader(bytes.NewReader(text)),
			"with its end": iotest.DataErrReader(bytes.NewReader(text)), "in halves": iotest.HalfReader(bytes.NewReader(text)),
			"compressed": bytes.NewReader(gzipped(t, text)), "compressed, byte by byte": iotest.OneByteReader(bytes.NewReader(gzipped(t, text))),
		} {
			got, err := readAll(reader)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !bytes.Equal(encoded(t, got, protobuf.SerializerOptions{}), encoded(t, want, protobuf.SerializerOptions{})) {
				t.Errorf("%s: %d pods are not those that were sent", name, len(got.Items))
			}
		}
	}
}

// Wherever a list is cut off, that is noticed.
func TestListCutOff(t *testing.T) {
	text := encoded(t, podsOfSizes(10, 20), protobuf.SerializerOptions{})
	// The envelope's last two fields are empty and say nothing.
	complete := bytes.LastIndex(text, []byte("x")) + 1
	for n := range complete {
		got, err := readAll(bytes.NewReader(text[:n]))
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut after %d of %d bytes: %d pods and %v", n, len(text), len(got.Items), err)
		}
	}
	packed := gzipped(t, text)
	for n := range packed {
		if got, err := readAll(bytes.NewReader(packed[:n])); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("compressed and cut after %d of %d bytes: %d pods and %v", n, len(packed), len(got.Items), err)
		}
	}
	broken := errors.New("the connection broke")
	if _, err := readAll(io.MultiReader(bytes.NewReader(text), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("a break after the last pod: %v", err)
	}
}

func TestListRefusesWhatIsNone(t *testing.T) {
	object := func(fields ...[]byte) []byte { return append([]byte(magic), bytes.Join(fields, nil)...) }
	field := func(number protowire.Number, value []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), value)
	}
	number := protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.VarintType), 5)
	tooLong := protowire.AppendVarint(protowire.AppendTag(nil, listItems, protowire.BytesType), 1<<40)
	for name, text := range map[string][]byte{
		"JSON":                         []byte(`{"kind": "PodList"}`),
		"an envelope of numbers":       object(number),
		"a list of numbers":            object(field(unknownRaw, number)),
		"an object beyond its list":    object(field(unknownRaw, tooLong)),
		"an object of a terabyte":      object(protowire.AppendVarint(protowire.AppendTag(nil, unknownRaw, protowire.BytesType), 1<<50), tooLong),
		"a number of eleven bytes":     object(bytes.Repeat([]byte{0xff}, 11)),
		"an envelope without contents": object(field(1, []byte("v1"))),
	} {
		if got, err := readAll(bytes.NewReader(text)); err == nil {
			t.Errorf("%s was taken for a list of %d", name, len(got.Items))
		}
	}
}

func TestFields(t *testing.T) {
	pod := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl"}}},
		Spec: corev1.PodSpec{
			NodeName: "node", SecurityContext: &corev1.PodSecurityContext{},
			Containers: []corev1.Container{
				{Name: "app", Image: strings.Repeat("long/", 60), SecurityContext: &corev1.SecurityContext{}},
				{Image: "unnamed"},
			},
		},
	}
	message, err := pod.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	lean, err := Fields{1: {1: nil}, 2: {2: {1: nil, 2: nil}, 14: nil}}.Append([]byte("before"), message)
	if err != nil {
		t.Fatal(err)
	}
	var got corev1.Pod
	if err := got.Unmarshal(bytes.TrimPrefix(lean, []byte("before"))); err != nil {
		t.Fatal(err)
	}
	switch containers := got.Spec.Containers; {
	case got.Name != "web" || got.Namespace != "" || got.ManagedFields != nil || got.Spec.NodeName != "":
		t.Errorf("got %+v", got)
	case got.Spec.SecurityContext == nil:
		t.Error("an empty message is gone")
	case len(containers) != 2 || containers[0].Image != pod.Spec.Containers[0].Image || containers[0].SecurityContext != nil || containers[1].Image != "unnamed":
		t.Errorf("got %+v", containers)
	}
	whole, err := Whole().Append(nil, message)
	if err != nil || !bytes.Equal(whole, message) {
		t.Errorf("all of it: %d of %d bytes, %v", len(whole), len(message), err)
	}
}

// Whatever arrives, nothing panics, and what is kept of a message is a message.
func FuzzList(f *testing.F) {
	f.Add(encoded(f, podsOfSizes(3, 300), protobuf.SerializerOptions{}))
	f.Add([]byte(magic))
	fields := Fields{1: {1: nil, 3: nil}, 2: {2: {1: nil}}}
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := NewList(bytes.NewReader(text))
		for err == nil {
			var message []byte
			if message, _, err = list.Next(); err != nil {
				break
			}
			lean, leanErr := fields.Append(nil, message)
			if leanErr != nil {
				continue
			}
			again, againErr := fields.Append(nil, lean)
			if againErr != nil || !bytes.Equal(lean, again) {
				t.Fatalf("%x keeps %x, of which is kept %x (%v)", message, lean, again, againErr)
			}
		}
	})
}

func TestName(t *testing.T) {
	for _, want := range []metav1.ObjectMeta{{Name: "web-1", Namespace: "shop"}, {Name: "node-1"}, {}} {
		pod := corev1.Pod{ObjectMeta: want, Spec: corev1.PodSpec{NodeName: "node-1"}}
		text, err := pod.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		namespace, name, err := Name(text)
		if err != nil || namespace != want.Namespace || name != want.Name {
			t.Errorf("got %q, %q and %v for %v", namespace, name, err, want)
		}
	}
	for _, text := range []string{"\xff", "\x0a\xff", "\x0a\x01\xff", "\x0a\x02\x0a\xff"} {
		if namespace, name, err := Name([]byte(text)); err == nil {
			t.Errorf("%q names %q, %q", text, namespace, name)
		}
	}
}
