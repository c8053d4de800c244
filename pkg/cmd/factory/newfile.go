package factory

import (
	"errors"
	"io"
	"os"
	"strings"
	"unicode"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// WriteNew makes a file that only its owner may read; it never replaces one.
func WriteNew(name string, content io.Reader) error {
	attempt := "write " + name
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return &fail.Error{Attempt: attempt, Cause: errors.New("it exists"), Remedy: "name another file, or remove it"}
	}
	if err != nil {
		return fail.To(attempt, err)
	}
	_, err = io.Copy(file, content)
	if err := errors.Join(err, file.Close()); err != nil {
		return fail.To(attempt, errors.Join(err, os.Remove(name)))
	}
	return nil
}

// FileName names a file about an observation: what it is, the context's name and
// the time, for those who make several.
func FileName(s *snapshot.Snapshot, what, extension string) string {
	safe := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_.", r) {
			return r
		}
		return '-'
	}, s.Context.Name)
	return what + "-" + strings.TrimLeft(safe, "-.") + "-" + s.Taken.UTC().Format("20060102T150405Z") + extension
}
