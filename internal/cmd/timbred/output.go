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

// readLine returns the first line of r, which holds a secret.
func readLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, 4*office.MaxPassword)).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("reading the standard input: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// readPassword returns the first line of r.
func readPassword(r io.Reader) (string, error) {
	password, err := readLine(r)
	if err != nil {
		return "", err
	}
	if err := office.CheckPassword(password); err != nil {
		return "", fmt.Errorf("the password on the standard input must have %d to %d bytes", office.MinPassword, office.MaxPassword)
	}
	return password, nil
}

// readSecret returns the first line of r: a password that somebody else gave.
func readSecret(r io.Reader) (string, error) {
	secret, err := readLine(r)
	if err != nil {
		return "", err
	}
	if secret == "" || len(secret) > office.MaxPassword {
		return "", fmt.Errorf("the password on the standard input must have 1 to %d bytes", office.MaxPassword)
	}
	return secret, nil
}

// named is the answer in JSON of a command that only removes.
type named struct {
	Name   string `json:"name,omitempty"`
	Number string `json:"number,omitempty"`
}

// done writes v in JSON, or else one line.
func (c *command) done(v any, format string, args ...any) error {
	return c.print(v, func(w io.Writer) { fmt.Fprintf(w, format+"\n", args...) })
}

// yes returns how a table tells of what is or is not.
func yes(is bool) string {
	if is {
		return "yes"
	}
	return "-"
}

// oneTime tells the password that was made, if one was.
func oneTime(w io.Writer, password string) {
	if password != "" {
		fmt.Fprintf(w, "one-time password: %s\n", password)
	}
}
