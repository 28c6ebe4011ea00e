package main

import "golang.org/x/sys/unix"

// How a terminal's state is read and written.
const (
	readTerminal  = unix.TIOCGETA
	writeTerminal = unix.TIOCSETA
)
