package desktop

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
)

// NoStrayBus keeps the D-Bus library from starting a session bus of its own
// where there is none: nobody would end it. It is called before the first
// window; the desktop's settings and keychain are then said to be missing.
func NoStrayBus() {
	const name = "DBUS_SESSION_BUS_ADDRESS"
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" || os.Getenv(name) != "" {
		return
	}
	run := filepath.Join("/run/user", strconv.Itoa(os.Getuid())) // where the library looks
	for _, bus := range []string{"bus", "dbus-session"} {
		if _, err := os.Stat(filepath.Join(run, bus)); err == nil {
			return
		}
	}
	os.Setenv(name, "unix:path="+filepath.Join(run, "bus"))
}
