package officetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"timbre/internal/media"
	"timbre/softphone"
	"timbre/softphone/audio"
)

// playgroundPeople are those of Play. The names say what each does: they are
// what the window shows.
func playgroundPeople() []Person {
	return []Person{
		{Extension: "101", Name: "Ana López"},
		{Extension: "102", Name: "Eco: repite lo que dices"},
		{Extension: "103", Name: "Nunca contesta"},
		{Extension: "104", Name: "Robot: te llama y deja un mensaje"},
	}
}

// robotWait is how long after the start the robot calls.
const robotWait = 20 * time.Second

// Play brings up an office to play with, of the binaries in the folder bin, and
// the app, logged in as 101, with env added to its environment. It says on w who
// is there, and returns when the app ends or ctx does.
func Play(ctx context.Context, bin string, w io.Writer, env ...string) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	o, err := Spawn(ctx, Options{Bin: bin, Name: "Ejemplo (demostración)", People: playgroundPeople()})
	if err != nil {
		return err
	}
	defer func() {
		if e := o.Close(); err == nil {
			err = e
		}
	}()
	you, err := o.Client(ctx, "101")
	if err != nil {
		return err
	}
	o.introduce(w)
	if _, err := o.softphone(ctx, "102", softphone.Config{Audio: Parrot{Delay: time.Second}, OnIncoming: (*softphone.Call).Answer}); err != nil {
		return err
	}
	if _, err := o.softphone(ctx, "103", softphone.Config{Audio: audio.Null{}, OnIncoming: func(*softphone.Call) {}}); err != nil {
		return err
	}
	go func() {
		if err := o.robot(ctx); err != nil && ctx.Err() == nil {
			fmt.Fprintln(w, "robot:", err)
		}
	}()
	line := you.line([]string{"--demo"})
	app := exec.CommandContext(ctx, line[0], line[1:]...)
	app.Env = append(os.Environ(), env...)
	app.Stdout, app.Stderr = w, w
	app.Cancel = func() error { return app.Process.Signal(os.Interrupt) }
	app.WaitDelay = stopTime
	if err := app.Run(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("app: %w", err)
	}
	return nil
}

// introduce says how the office can be used.
func (o *Office) introduce(w io.Writer) {
	fmt.Fprintf(w, "\nOficina de demostración (se borra al salir)\n\n  servidor   %s\n  huella     %s\n  compañía   %s\n\n", o.Ready.HTTPS, o.Ready.Fingerprint, Company)
	for _, p := range o.People {
		fmt.Fprintf(w, "  %s  contraseña %s  %s\n", p.Extension, p.Password, p.Name)
	}
	fmt.Fprintf(w, "\nLa ventana ya entró como 101. Llama al 102 y al 103; el 104 te llama en %.0f s.\n\n", robotWait.Seconds())
}

// robot calls 101 after a while and speaks, to a person or to the voicemail.
func (o *Office) robot(ctx context.Context) error {
	file := filepath.Join(o.Dir, "robot.wav")
	if err := writeMelody(file); err != nil {
		return err
	}
	p, err := o.softphone(ctx, "104", softphone.Config{Audio: audio.WAV{In: file}, Without: softphone.AllStages})
	if err != nil {
		return err
	}
	select {
	case <-time.After(robotWait):
	case <-ctx.Done():
		return nil
	}
	c, err := p.Call("101")
	if err != nil {
		return err
	}
	for talked := time.NewTicker(time.Second); ; {
		select {
		case <-c.Done():
			return nil
		case <-ctx.Done():
			return nil
		case now := <-talked.C:
			// The greeting comes first: the message is what follows it.
			if c.Status().Duration(now) > 20*time.Second {
				talked.Stop()
				c.Hangup()
			}
		}
	}
}

// writeMelody writes a WAV file of a short tune.
func writeMelody(name string) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w, err := media.NewWAVWriter(f, 8000)
	if err != nil {
		return err
	}
	for _, hz := range []float64{523, 659, 784, 1047, 784, 659, 523, 0} {
		note := media.Sine(hz, toneLevel-6).Sound(8000, 300*time.Millisecond)
		if hz == 0 {
			note = media.Sound{Samples: make([]int16, 4000)}
		}
		if err := w.Write(note.Samples); err != nil {
			return err
		}
	}
	return w.Close()
}
