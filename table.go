package main

import (
	"io"
	"strings"
	"unicode/utf8"
)

// A table is text in columns, as wide as their widest cells. A row of one cell is
// a heading: it takes the width that it needs.
type table struct{ rows [][]string }

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// String returns the lines, with two spaces between columns and none at the end.
func (t *table) String() string {
	var widths []int
	for _, row := range t.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			if len(row) > 1 {
				widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			}
		}
	}
	var all, line strings.Builder
	for _, row := range t.rows {
		line.Reset()
		for i, cell := range row {
			line.WriteString(cell)
			if len(row) > 1 && widths[i] > 0 {
				line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
			}
		}
		all.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return all.String()
}

// print writes the table.
func (t *table) print(w io.Writer) error {
	_, err := io.WriteString(w, t.String())
	return err
}
