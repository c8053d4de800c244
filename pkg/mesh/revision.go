package mesh

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// MinimumCNIRevision is the oldest revision of the add-on that supports
// CNIChaining (learn.microsoft.com/azure/aks/istio-cni).
func MinimumCNIRevision() Revision { return Revision{1, 25} }

// Revision is a revision of the add-on, such as asm-1-27.
type Revision struct{ Major, Minor int }

// ParseRevision reads a name such as "asm-1-27".
func ParseRevision(name string) (Revision, error) {
	rest, ok := strings.CutPrefix(name, "asm-")
	major, minor, dash := strings.Cut(rest, "-")
	if ok && dash {
		x, errX := strconv.ParseUint(major, 10, 16)
		y, errY := strconv.ParseUint(minor, 10, 16)
		if errX == nil && errY == nil {
			return Revision{int(x), int(y)}, nil
		}
	}
	return Revision{}, fmt.Errorf("%q is not a revision of the Istio add-on; one looks like asm-1-27", name)
}

// Compare orders revisions by age, older first.
func (r Revision) Compare(other Revision) int {
	return cmp.Or(cmp.Compare(r.Major, other.Major), cmp.Compare(r.Minor, other.Minor))
}

// SupportsCNI reports whether the revision knows CNIChaining.
func (r Revision) SupportsCNI() bool { return r.Compare(MinimumCNIRevision()) >= 0 }

// String is the revision's name.
func (r Revision) String() string { return fmt.Sprintf("asm-%d-%d", r.Major, r.Minor) }
