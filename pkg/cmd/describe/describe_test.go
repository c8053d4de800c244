package describe

import (
	"testing"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/output"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
)

func TestPodIsNamedAsInKubectl(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"pod/web-0"}, "web-0"}, {[]string{"pod", "web-0"}, "web-0"}, {[]string{"web-0"}, "web-0"},
		{[]string{"po/web-0"}, "web-0"}, {[]string{"pods", "web-0"}, "web-0"}, {[]string{"Pod/web-0"}, "web-0"},
		{[]string{"deployment/web"}, ""}, {[]string{"pod/"}, ""}, {[]string{"pod/a/b"}, ""}, {[]string{"pod/a", "b"}, ""},
	} {
		o := &Options{Output: output.New(output.Table)}
		err := o.complete(test.args)
		if test.want == "" {
			if fail.ExitCode(err) != fail.ExitUsage {
				t.Errorf("%v: got %v", test.args, err)
			}
			continue
		}
		if err != nil || o.Name != test.want {
			t.Errorf("%v: got %q, %v", test.args, o.Name, err)
		}
	}
}
