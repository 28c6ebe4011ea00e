package main

import "golang.org/x/sys/unix"

// How a terminal's state is read and written.
const (
	readTerminal  = unix.TCGETS
	writeTerminal = unix.TCSETS
)
