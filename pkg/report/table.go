// Package report turns verdicts into what a person or a program reads. It
// decides nothing.
package report

import (
	"io"
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
	widths := make([]int, len(t.Header))
	for i, title := range t.Header {
		widths[i] = terminal.Width(title)
	}
	for _, row := range t.Rows {
		for i := range row {
			row[i].Text = terminal.CleanLine(row[i].Text)
			for i >= len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], terminal.Width(row[i].Text))
		}
	}
	var b strings.Builder
	if len(t.Header) > 0 {
		header := make([]Cell, len(t.Header))
		for i, title := range t.Header {
			header[i] = Cell{Text: title}
		}
		writeRow(&b, header, widths, term)
	}
	for _, row := range t.Rows {
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
