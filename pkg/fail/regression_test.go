package fail

import (
	"errors"
	"testing"
)

func TestJoined(t *testing.T) {
	err := errors.Join(To("read", errPlain), &Error{Cause: errPlain, Remedy: "az login", Code: 2})
	if Remedy(err) != "az login" || ExitCode(err) != 2 {
		t.Errorf("got %q, %d", Remedy(err), ExitCode(err))
	}
}
