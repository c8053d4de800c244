// Package report turns verdicts into what a person or a program reads. It
// decides nothing.
package report

import (
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// Cell is a table's cell.
type Cell struct {
	Text   string
	Colour terminal.Colour
}

// Table is text in columns, laid out as kubectl does it. Columns stay aligned
// with wide characters.
type Table struct {
	Header []string
	Rows   [][]Cell
}

// Add appends a row of plain cells.
func (t *Table) Add(texts ...string) {
	row := make([]Cell, len(texts))
	for i, text := range texts {
		row[i] = Cell{Text: text}
	}
	t.Rows = append(t.Rows, row)
}

const columnGap = 3

// Write lays the table out.
func (t *Table) Write(w io.Writer, term *terminal.Terminal) error {
	return writeTable(w, t.Header, slices.Values(t.Rows), term)
}

// writeTable lays out rows that need not be kept: they are gone through twice, to
// find the widths of the columns and to write.
func writeTable(w io.Writer, header []string, rows iter.Seq[[]Cell], term *terminal.Terminal) error {
	widths := make([]int, len(header))
	for i, title := range header {
		widths[i] = terminal.Width(title)
	}
	for row := range rows {
		widths = widen(widths, row)
	}
	var b strings.Builder
	if len(header) > 0 {
		titles := make([]Cell, len(header))
		for i, title := range header {
			titles[i] = Cell{Text: title}
		}
		writeRow(&b, titles, widths, term)
	}
	for row := range rows {
		widen(widths, row)
		writeRow(&b, row, widths, term)
		if b.Len() > 1<<16 {
			if _, err := io.WriteString(w, b.String()); err != nil {
				return err
			}
			b.Reset()
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// widen cleans a row and makes the columns as wide as it needs.
func widen(widths []int, row []Cell) []int {
	for i := range row {
		row[i].Text = terminal.CleanLine(row[i].Text)
		if i == len(widths) {
			widths = append(widths, 0)
		}
		widths[i] = max(widths[i], terminal.Width(row[i].Text))
	}
	return widths
}

func writeRow(b *strings.Builder, row []Cell, widths []int, term *terminal.Terminal) {
	for len(row) > 0 && row[len(row)-1].Text == "" {
		row = row[:len(row)-1]
	}
	for i, cell := range row {
		text := cell.Text
		if cell.Colour != "" {
			text = term.Paint(cell.Colour, text)
		}
		b.WriteString(text)
		if i < len(row)-1 {
			b.WriteString(strings.Repeat(" ", widths[i]+columnGap-terminal.Width(cell.Text)))
		}
	}
	b.WriteByte('\n')
}

// orNone is kubectl's way of showing that there is nothing.
func orNone(text string) string {
	if text == "" {
		return "<none>"
	}
	return text
}
