package audio

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"timbre/internal/media"
)

// TestBareMachine runs the default devices in a process of its own that finds
// no sound server: what the sound libraries do to a process, such as writing to
// its standard error or ending it, is seen only from outside.
func TestBareMachine(t *testing.T) {
	if os.Getenv("TIMBRE_BARE") != "" {
		bare(t)
		return
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestBareMachine$")
	cmd.Env = []string{"TIMBRE_BARE=1", "HOME=" + dir, "XDG_RUNTIME_DIR=" + dir, "PULSE_SERVER=unix:" + filepath.Join(dir, "none"), "PATH=" + os.Getenv("PATH")}
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "PASS\n" {
		t.Errorf("%v: %s", err, out)
	}
}

func bare(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
	defer stop()
	devices, err := List(ctx)
	if err != nil {
		t.Error(err)
	}
	frames := 0
	var trouble error
	err = (&Devices{}).Run(ctx, media.Stream{
		Rate: 8000, Source: func([]int16) { frames++ }, Sink: func([]int16) {}, Trouble: func(err error) { trouble = err },
	})
	if err != nil || frames < 100 {
		t.Errorf("%d frames in 3 s, %v", frames, err)
	}
	if len(devices) == 0 && !errors.Is(trouble, ErrNoDevice) {
		t.Errorf("trouble: %v", trouble)
	}
}
