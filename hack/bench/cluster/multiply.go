package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// Where and how the API server stores pods.
const (
	podKeys = "/registry/pods/"
	stored  = "k8s\x00"
)

// multiply copies pods that are there, in turn, under other names and right into
// the store: the API server takes half an hour for fifty thousand, the store a
// minute.
func (c *Cluster) multiply(ctx context.Context, wanted int) error {
	if wanted <= 0 {
		return nil
	}
	originals, err := c.storedPods(ctx)
	if err != nil {
		return err
	}
	var progress counter
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(workers)
	for n := range wanted {
		g.Go(func() error {
			err := c.storeCopy(gctx, originals[n%len(originals)], n)
			if made := progress.add(1); made%10_000 == 0 {
				c.step(fmt.Sprintf("%d of %d copies", made, wanted))
			}
			return err
		})
	}
	return g.Wait()
}

// storeCopy stores a pod once more under another name.
func (c *Cluster) storeCopy(ctx context.Context, original []byte, n int) error {
	var envelope runtime.Unknown
	if err := envelope.Unmarshal(bytes.TrimPrefix(original, []byte(stored))); err != nil {
		return err
	}
	var pod corev1.Pod
	if err := pod.Unmarshal(envelope.Raw); err != nil {
		return err
	}
	// A name of the length that it had.
	suffix := generated(fmt.Sprint(pod.Namespace, pod.Name, n), 5)
	pod.Name = pod.Name[:len(pod.Name)-len(suffix)] + suffix
	pod.UID = types.UID(uid(pod.Name))
	text, err := pod.Marshal()
	if err != nil {
		return err
	}
	envelope.Raw = text
	if text, err = envelope.Marshal(); err != nil {
		return err
	}
	return c.etcd(ctx, "put", put{Key: []byte(podKeys + pod.Namespace + "/" + pod.Name), Value: append([]byte(stored), text...)}, nil)
}

// put and between are requests to etcd's JSON gateway, and found is an answer;
// see etcd's documentation, dev-guide/api_grpc_gateway.
type (
	put struct {
		Key   []byte `json:"key"`
		Value []byte `json:"value"`
	}
	between struct {
		Key      []byte `json:"key"`
		RangeEnd []byte `json:"range_end"`
		Limit    int    `json:"limit,string"`
	}
	found struct {
		KVs []struct {
			Key   []byte `json:"key"`
			Value []byte `json:"value"`
		} `json:"kvs"`
		More bool `json:"more"`
	}
)

const pageOfKeys = 500

func (c *Cluster) storedPods(ctx context.Context) (pods [][]byte, err error) {
	// The key that follows all that begin with podKeys.
	end := []byte(podKeys[:len(podKeys)-1] + "0")
	for from := []byte(podKeys); ; {
		var page found
		if err := c.etcd(ctx, "range", between{from, end, pageOfKeys}, &page); err != nil {
			return nil, err
		}
		for _, kv := range page.KVs {
			pods = append(pods, kv.Value)
			from = append(bytes.Clone(kv.Key), 0)
		}
		if !page.More {
			return pods, nil
		}
	}
}

// etcd asks the store for something, which it knows under /v3/kv.
func (c *Cluster) etcd(ctx context.Context, what string, question, answer any) error {
	text, err := json.Marshal(question)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Etcd+"/v3/kv/"+what, bytes.NewReader(text))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("etcd answers %s to %s", response.Status, what)
	}
	if answer == nil {
		answer = &struct{}{}
	}
	return json.NewDecoder(response.Body).Decode(answer)
}
