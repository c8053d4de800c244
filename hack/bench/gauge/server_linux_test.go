package gauge

import (
	"os"
	"testing"
)

func TestWatchItself(t *testing.T) {
	end, err := Server{os.Getpid()}.Watch()
	if err != nil {
		t.Fatal(err)
	}
	touched := make([]byte, 64<<20)
	for i := range touched {
		touched[i] = 1
	}
	load, err := end()
	if err != nil || load.Growth < 32<<20 || load.CPU < 0 {
		t.Errorf("got %+v, %v", load, err)
	}
}
