//go:build linux || freebsd || openbsd || netbsd

package desktop

/*
#cgo LDFLAGS: -lX11
#include <X11/Xlib.h>
#include <X11/Xatom.h>

// A user time of 0 is how a window says that it must not be focused when it is
// mapped (EWMH, _NET_WM_USER_TIME). The connection is our own, and the round
// trip at its end comes before the window is mapped on the other one.
static void never_focus(unsigned long window) {
	Display *d = XOpenDisplay(NULL);
	if (!d) return;
	long zero = 0;
	XChangeProperty(d, window, XInternAtom(d, "_NET_WM_USER_TIME", False), XA_CARDINAL, 32, PropModeReplace, (unsigned char *)&zero, 1);
	XSync(d, False);
	XCloseDisplay(d);
}
*/
import "C"

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver"
)

// neverFocus asks the window manager not to focus a window that is about to be
// shown. It is false while the window does not exist.
func neverFocus(w fyne.Window) (done bool) {
	n, ok := w.(driver.NativeWindow)
	if !ok {
		return true
	}
	n.RunNative(func(context any) {
		x, isX11 := context.(driver.X11WindowContext)
		if isX11 && x.WindowHandle != 0 {
			C.never_focus(C.ulong(x.WindowHandle))
		}
		done = !isX11 || x.WindowHandle != 0
	})
	return done
}
