package officetest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"timbre/internal/officetest"
)

func TestPlayBringsUpTheApp(t *testing.T) {
	t.Parallel()
	ctx := limit(t, time.Minute)
	d, err := officetest.NewDisplay(context.WithoutCancel(ctx))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var said strings.Builder
	playing, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		ended <- officetest.Play(playing, bin, &said, "DISPLAY="+d.Name, "WAYLAND_DISPLAY=", "LIBGL_ALWAYS_SOFTWARE=1")
	}()
	if err := d.Window(ctx); err != nil {
		t.Errorf("no window: %v", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for _, want := range []string{"101  contraseña", "102", "103", string(officetest.Company)} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("it did not say %q:\n%s", want, &said)
		}
	}
}
