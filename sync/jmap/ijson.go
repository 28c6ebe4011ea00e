package jmap

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep arrays and objects of a request may nest. What JMAP
// needs is below ten; filters may nest.
const maxDepth = 32

// What is wrong with a text that is not I-JSON.
var (
	errUTF8      = errors.New("the text is not UTF-8")
	errSyntax    = errors.New("the text is not JSON")
	errDepth     = errors.New("the text nests too deep")
	errDuplicate = errors.New("an object has two members of one name")
	errSurrogate = errors.New("a string has half of a surrogate pair")
)

// checkIJSON returns nil if text is one value of I-JSON (RFC 7493) that nests
// no deeper than maxDepth, else an error that says what is wrong with it.
func checkIJSON(text []byte) error {
	if !utf8.Valid(text) {
		return errUTF8
	}
	var open []map[string]bool // member names of each open object, nil for an array
	key := false               // the next string is a member name
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	for n := 0; ; n++ {
		t, err := d.Token()
		if err == io.EOF && n > 0 && len(open) == 0 {
			return checkSurrogates(text)
		}
		if err != nil || n > 0 && len(open) == 0 { // a second value follows the first
			return errSyntax
		}
		switch t := t.(type) {
		case json.Delim:
			switch t {
			case '{':
				open = append(open, map[string]bool{})
			case '[':
				open = append(open, nil)
			default:
				open = open[:len(open)-1]
			}
			if len(open) > maxDepth {
				return errDepth
			}
		case string:
			if names := top(open); key && names != nil {
				if names[t] {
					return errDuplicate
				}
				names[t] = true
				key = false
				continue
			}
		}
		key = top(open) != nil
	}
}

func top(open []map[string]bool) map[string]bool {
	if len(open) == 0 {
		return nil
	}
	return open[len(open)-1]
}

// checkSurrogates looks for \u escapes of a JSON text that are half a pair.
func checkSurrogates(text []byte) error {
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 {
			return nil
		}
		first, ok := escape(text[i:])
		text = text[i+2:]
		if !ok || !utf16.IsSurrogate(first) {
			continue
		}
		second, ok := escape(text[4:])
		if !ok || utf16.DecodeRune(first, second) == utf8.RuneError {
			return errSurrogate
		}
		text = text[10:]
	}
}

// escape returns the code unit that a \uXXXX at the start of text stands for.
func escape(text []byte) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(n), err == nil
}
