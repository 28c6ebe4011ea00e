//go:build linux || darwin

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// hideEcho lets the terminal f not show what is typed, until undo; ok is false
// where f is none.
func hideEcho(f *os.File) (undo func(), ok bool) {
	fd := int(f.Fd())
	before, err := unix.IoctlGetTermios(fd, readTerminal)
	if err != nil {
		return nil, false
	}
	silent := *before
	silent.Lflag &^= unix.ECHO
	silent.Lflag |= unix.ECHONL // the end of the line is shown
	if err := unix.IoctlSetTermios(fd, writeTerminal, &silent); err != nil {
		return nil, false
	}
	return func() { unix.IoctlSetTermios(fd, writeTerminal, before) }, true
}
