package mesh

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseRevision(t *testing.T) {
	for name, want := range map[string]Revision{
		"asm-1-27": {1, 27}, "asm-1-9": {1, 9}, "asm-2-0": {2, 0}, "asm-65535-65535": {65535, 65535},
	} {
		got, err := ParseRevision(name)
		if err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, want)
		}
	}
	for _, name := range []string{
		"", "asm", "asm-", "asm-1", "asm-1-", "asm--27", "asm-1-27-1", "asm-1.27", "ASM-1-27", "1-27", "default", "prod",
		"asm-1-+27", "asm-1--27", "asm-1- 27", "asm-1-0x1b", "asm-1-65536", "asm-1-27\n",
	} {
		if got, err := ParseRevision(name); err == nil {
			t.Errorf("%q: got %v, want an error", name, got)
		} else if !strings.Contains(err.Error(), "asm-1-27") {
			t.Errorf("%q: the error does not say what a revision looks like: %v", name, err)
		}
	}
}

// Revisions are numbers: asm-1-9 is older than asm-1-10.
func TestRevisionsAreOrderedByAge(t *testing.T) {
	want := []Revision{{1, 9}, {1, 10}, {1, 25}, {1, 100}, {2, 0}}
	got := []Revision{want[3], want[1], want[4], want[0], want[2]}
	slices.SortFunc(got, Revision.Compare)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRevisionsThatSupportCNI(t *testing.T) {
	for name, want := range map[string]bool{
		"asm-1-9": false, "asm-1-24": false, "asm-1-25": true, "asm-1-26": true, "asm-1-100": true, "asm-0-99": false, "asm-2-0": true,
	} {
		revision, err := ParseRevision(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := revision.SupportsCNI(); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

func FuzzParseRevision(f *testing.F) {
	for _, seed := range []string{"asm-1-27", "asm-01-027", "asm-1-65536", "asm-1-27-2", "prod", "asm-1-\xff"} {
		f.Add(seed, "asm-1-25")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, err := ParseRevision(a)
		if err != nil {
			if x != (Revision{}) {
				t.Errorf("an error, and yet %v", x)
			}
			return
		}
		again, err := ParseRevision(x.String())
		if err != nil || again != x {
			t.Errorf("%q is %v, whose name %s is %v, %v", a, x, x, again, err)
		}
		y, err := ParseRevision(b)
		if err != nil {
			return
		}
		if x.Compare(y) != -y.Compare(x) {
			t.Errorf("%v and %v compare as %d and %d", x, y, x.Compare(y), y.Compare(x))
		}
		if x.Compare(y) == 0 && x.String() != y.String() {
			t.Errorf("%v and %v compare as equal", x, y)
		}
		if x.Compare(y) <= 0 && x.SupportsCNI() && !y.SupportsCNI() {
			t.Errorf("%v supports CNI, the later %v does not", x, y)
		}
	})
}
