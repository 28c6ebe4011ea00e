package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"

	"timbre/app"
)

// openWindow shows the app until its window is closed or ctx ends, or says in
// words why there is no window. It must be called on the main goroutine. demo
// says that the office is made up, and the window tells what to try there.
func (o *options) openWindow(ctx context.Context, demo bool) (err error) {
	profile, err := o.folder()
	if err != nil {
		return err
	}
	if runtime.GOOS == "linux" && os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return usageError{"cli.noWindow", nil}
	}
	defer func() {
		if p := recover(); p != nil {
			if !isNoWindow(fmt.Sprint(p)) {
				panic(p)
			}
			err = usageError{"cli.noWindow", nil}
		}
	}()
	return app.Run(app.Options{Profile: profile, Log: o.appLog(), Offline: o.offline, Demo: demo, Stop: ctx.Done()})
}

// isNoWindow reports whether the toolkit panicked because the system gives it
// no window: there is no display, or none that knows OpenGL. Such a panic begins
// with the name of an error of GLFW.
func isNoWindow(panicked string) bool {
	for _, kind := range []string{"NotInitialized:", "PlatformUnavailable:", "PlatformError:", "APIUnavailable:", "VersionUnavailable:", "FormatUnavailable:"} {
		if strings.HasPrefix(panicked, kind) {
			return true
		}
	}
	return false
}
