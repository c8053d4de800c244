// Package page writes what was measured as Markdown.
package page

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Table is a table of texts. The first column is aligned to the left, the
// others, which are numbers, to the right.
type Table struct {
	Header []string
	Rows   [][]string
}

// String is the table in Markdown, aligned for those who read the source.
func (t Table) String() string {
	widths := t.widths()
	var b strings.Builder
	t.line(&b, t.Header, widths)
	for i, width := range widths {
		if i == 0 {
			b.WriteString("|" + strings.Repeat("-", width+2))
			continue
		}
		b.WriteString("|" + strings.Repeat("-", width+1) + ":")
	}
	b.WriteString("|\n")
	for _, row := range t.Rows {
		t.line(&b, row, widths)
	}
	return b.String()
}

func (t Table) widths() []int {
	widths := make([]int, len(t.Header))
	for _, row := range append([][]string{t.Header}, t.Rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell), 3)
		}
	}
	return widths
}

func (t Table) line(b *strings.Builder, cells []string, widths []int) {
	for i, cell := range cells {
		if i == 0 {
			fmt.Fprintf(b, "| %-*s ", widths[i], cell)
			continue
		}
		fmt.Fprintf(b, "| %*s ", widths[i], cell)
	}
	b.WriteString("|\n")
}

// Seconds of a duration, as precise as a measurement is.
func Seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// Milliseconds of a duration.
func Milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

// Megabytes of a number of bytes.
func Megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// Ratio is how many times b is in a.
func Ratio(a, b time.Duration) string {
	if b == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f×", float64(a)/float64(b))
}
