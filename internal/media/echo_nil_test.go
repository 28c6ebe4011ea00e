package media

import "testing"

func TestNoEcho(t *testing.T) {
	// What a build without the library has.
	var e *Echo
	frame := []int16{1, 2, 3}
	e.Use(true, true)
	e.Played(frame)
	e.Heard(frame)
	e.Close()
	if frame[0] != 1 || frame[1] != 2 || frame[2] != 3 {
		t.Error("nothing changed the sound")
	}
	made := NewEcho()
	defer made.Close()
	if (made != nil) != EchoAvailable {
		t.Errorf("available %v, made %v", EchoAvailable, made != nil)
	}
}
