package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// hideEcho lets the terminal f not show what is typed, until undo; ok is false
// where f is none.
func hideEcho(f *os.File) (undo func(), ok bool) {
	console := windows.Handle(f.Fd())
	var before uint32
	if windows.GetConsoleMode(console, &before) != nil || windows.SetConsoleMode(console, before&^windows.ENABLE_ECHO_INPUT) != nil {
		return nil, false
	}
	return func() { windows.SetConsoleMode(console, before) }, true
}
