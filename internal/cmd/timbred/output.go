package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"timbre/internal/office"
)

// print writes v in JSON, or else calls text.
func (c *command) print(v any, text func(w io.Writer)) error {
	out := bufio.NewWriter(c.out)
	if c.json {
		e := json.NewEncoder(out)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			return err
		}
	} else {
		t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		text(t)
		if err := t.Flush(); err != nil {
			return err
		}
	}
	return out.Flush()
}

// row writes the cells of a table's line.
func row(w io.Writer, cells ...any) {
	for i, c := range cells {
		if i > 0 {
			fmt.Fprint(w, "\t")
		}
		fmt.Fprint(w, c)
	}
	fmt.Fprintln(w)
}

// readPassword returns the first line of r.
func readPassword(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, 4*office.MaxPassword)).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	password := strings.TrimRight(line, "\r\n")
	if err := office.CheckPassword(password); err != nil {
		return "", fmt.Errorf("the password on the standard input must have %d to %d bytes", office.MinPassword, office.MaxPassword)
	}
	return password, nil
}

// oneTime tells the password that was made, if one was.
func oneTime(w io.Writer, password string) {
	if password != "" {
		fmt.Fprintf(w, "one-time password: %s\n", password)
	}
}
