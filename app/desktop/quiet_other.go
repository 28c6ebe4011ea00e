//go:build !linux && !freebsd && !openbsd && !netbsd

package desktop

import "fyne.io/fyne/v2"

// neverFocus has nothing to do here: not to ask for the focus is enough.
func neverFocus(fyne.Window) (done bool) { return true }
