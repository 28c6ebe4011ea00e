package main

import (
	"context"
	"log/slog"

	"timbre/app"
)

// runGUI shows the desktop app on a profile folder until its window is closed
// or ctx ends.
// It must be called on the main goroutine. demo says that the office is made up,
// and the window tells what to try there.
func runGUI(ctx context.Context, profile string, offline, demo bool, log *slog.Logger) error {
	return app.Run(app.Options{Profile: profile, Log: log, Offline: offline, Demo: demo, Stop: ctx.Done()})
}
