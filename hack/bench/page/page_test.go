package page

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTable(t *testing.T) {
	got := Table{
		Header: []string{"", "wall"},
		Rows:   [][]string{{"curl", Seconds(950 * time.Millisecond)}, {"a → b", "12.00 s"}},
	}.String()
	want := "" +
		"|       |    wall |\n" +
		"|-------|--------:|\n" +
		"| curl  |  0.95 s |\n" +
		"| a → b | 12.00 s |\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestRatio(t *testing.T) {
	if got := Ratio(3*time.Second, 2*time.Second); got != "1.50×" {
		t.Error(got)
	}
	if got := Ratio(time.Second, 0); got != "–" {
		t.Error(got)
	}
}

func TestInsertKeepsWhatPeopleWrote(t *testing.T) {
	page := "# Title\n\n" + begin + "\nold\n" + end + "\n\nThe end.\n"
	got, err := Insert(page, "new\n")
	want := "# Title\n\n" + begin + "\n\nnew\n\n" + end + "\n\nThe end.\n"
	if err != nil || got != want {
		t.Errorf("got %q, %v", got, err)
	}
	again, err := Insert(got, "new\n")
	if err != nil || again != got {
		t.Errorf("inserting again changes the page: %q, %v", again, err)
	}
}

func TestInsertNeedsMarks(t *testing.T) {
	for _, page := range []string{"", begin, end + begin} {
		if _, err := Insert(page, "new"); err == nil {
			t.Errorf("no error of %q", page)
		}
	}
}

func TestWriteInto(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	for _, text := range []string{"first", "second"} {
		if err := WriteInto(path, text); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(page), "first") || !strings.Contains(string(page), "second") {
		t.Errorf("got %q, %v", page, err)
	}
}
