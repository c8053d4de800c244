package cluster

import (
	"os"
	"path/filepath"
	"testing"
)

func TestVariantsAreMixed(t *testing.T) {
	const workloads = 10_000
	count := map[string]int{}
	hosts := map[string]bool{}
	for i := range workloads {
		at, inMesh := workloadPlace(i)
		count[variantOf(i, inMesh).name]++
		hosts[at.namespace+"/"+at.workload] = true
	}
	if len(hosts) != workloads {
		t.Errorf("%d workloads have %d names", workloads, len(hosts))
	}
	for _, v := range variants() {
		// A tenth is outside, and a twentieth of the rest is not injected.
		if want := v.share * workloads * 85 / 10_000; v.inMesh && (count[v.name] < want*8/10 || count[v.name] > want*12/10) {
			t.Errorf("%d of %d are %s, want about %d", count[v.name], workloads, v.name, want)
		}
	}
	if n := count["plain"]; n < 1_300 || n > 1_600 {
		t.Errorf("%d of %d are not injected", n, workloads)
	}
}

func TestFolderIsUsedOnlyForWhatItHas(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	made, err := readMade(dir, 100)
	if err != nil || made.Pods != 0 {
		t.Fatalf("a new folder: %+v, %v", made, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "half"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if made, err = readMade(dir, 100); err != nil || made.Pods != 0 {
		t.Fatalf("a half filled folder: %+v, %v", made, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "half")); err == nil {
		t.Error("what was half done is still there")
	}
	if err := (Made{Format: format, Pods: 100}).write(dir); err != nil {
		t.Fatal(err)
	}
	if made, err = readMade(dir, 100); err != nil || made.Pods != 100 {
		t.Errorf("a filled folder: %+v, %v", made, err)
	}
	if _, err = readMade(dir, 200); err == nil {
		t.Error("a folder with another number of pods is used")
	}
}

func TestFolderOfSomethingElseIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "precious"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readMade(dir, 100); err == nil {
		t.Error("it is taken")
	}
}
