package officetest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"timbre/internal/media"
	"timbre/internal/office"
)

// A Baresip is the third-party phone of that name, in a process of its own: it
// registers over UDP with a device secret, says a tone, and records what it
// hears. It is controlled over its ctrl_tcp module.
type Baresip struct {
	*Process
	dir     string
	account office.SIPAccount
	control net.Conn
	keys    *os.File // what is written here is pressed
	lamp    int      // line of what it printed up to which Lamp has read

	mu     sync.Mutex
	events []baresipEvent // guarded by mu
	more   chan struct{}  // guarded by mu; closed and replaced when an event is added
}

// BaresipOptions say how a Baresip behaves.
type BaresipOptions struct {
	Account office.SIPAccount
	Server  string  // host:port of the office's SIP over UDP
	Hz      float64 // what it says
	Answer  bool    // takes every call at once
	Codecs  string  // all that it speaks, such as "G722/16000/1"; empty: PCMU and PCMA

	// Microphone and Speaker, where given, are what it hears and plays on, such as
	// "alsa,default", with as little delay as it can; it neither says a tone then nor
	// records.
	Microphone, Speaker string

	// Port, where given, makes it a carrier: it registers nowhere, listens there, and
	// takes calls to any number; Account says only as whom it calls, and Domain whom.
	Port int
}

// baresipEvent is what its event interface says.
type baresipEvent struct {
	Event bool   `json:"event"`
	Type  string `json:"type"`
	Param string `json:"param"`
}

// Baresip starts a baresip and returns when it is registered. It is ended with
// the office or when ctx ends.
func (o *Office) Baresip(ctx context.Context, opt BaresipOptions) (*Baresip, error) {
	if err := Have("baresip", "baresip"); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(o.Dir, "baresip-")
	if err != nil {
		return nil, err
	}
	b := &Baresip{dir: dir, account: opt.Account, more: make(chan struct{})}
	port, err := freeTCP()
	if err != nil {
		return nil, err
	}
	if err := b.configure(opt, port); err != nil {
		return nil, err
	}
	keyboard, keys, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	b.keys = keys
	o.onClose(keys.Close)
	b.Process, err = startTyping(ctx, keyboard, "baresip", "-f", dir)
	keyboard.Close()
	if err != nil {
		return nil, err
	}
	o.onClose(b.Stop)
	limit, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := b.connect(limit, port); err != nil {
		return nil, err
	}
	o.onClose(b.control.Close)
	go b.listen()
	if opt.Port != 0 {
		return b, nil
	}
	_, _, err = b.Line(limit, 0, func(l string) bool { return strings.Contains(l, "200 OK") && strings.Contains(l, "binding") })
	return b, err
}

// configure writes what baresip reads at its start.
func (b *Baresip) configure(opt BaresipOptions, port int) error {
	sound, err := b.sound(opt)
	if err != nil {
		return err
	}
	config := fmt.Sprintf(`module_path /usr/lib/baresip/modules
net_interface 127.0.0.1
sip_listen 127.0.0.1:%d
sip_transports udp
call_max_calls 4
%sctrl_tcp_listen 127.0.0.1:%d
module g711.so
module g722.so
module stdio.so
module_tmp account.so
module_app menu.so
module_app mwi.so
module_app ctrl_tcp.so
`, opt.Port, sound, port)
	if err := os.WriteFile(filepath.Join(b.dir, "config"), []byte(config), 0o600); err != nil {
		return err
	}
	mode := "manual"
	if opt.Answer {
		mode = "auto"
	}
	a := opt.Account
	account := fmt.Sprintf("<sip:%s@%s>;auth_user=%s;auth_pass=%s;outbound=\"sip:%s\";regint=60;answermode=%s",
		a.Username, a.Domain, a.Username, a.Password, opt.Server, mode)
	if opt.Port != 0 {
		account = fmt.Sprintf("<sip:%s@127.0.0.1:%d>;regint=0;catchall=yes;mwi=no;answermode=%s", a.Username, opt.Port, mode)
	}
	if opt.Codecs != "" {
		account += ";audio_codecs=" + opt.Codecs
	}
	account += "\n"
	return os.WriteFile(filepath.Join(b.dir, "accounts"), []byte(account), 0o600)
}

// sound returns what its configuration says of sound.
func (b *Baresip) sound(opt BaresipOptions) (string, error) {
	if opt.Microphone != "" {
		return fmt.Sprintf(`audio_source %s
audio_player %s
audio_buffer 20-40
jitter_buffer_delay 1-2
module opus.so
module alsa.so
`, opt.Microphone, opt.Speaker), nil
	}
	wav := filepath.Join(b.dir, "says.wav")
	return fmt.Sprintf(`audio_source aufile,%s
ausrc_srate 8000
auplay_srate 8000
audio_channels 1
snd_path %s
module sndfile.so
module aufile.so
`, wav, b.dir), WriteTone(wav, opt.Hz, time.Minute)
}

// connect opens the control connection as soon as baresip listens.
func (b *Baresip) connect(ctx context.Context, port int) (err error) {
	for tick := time.NewTicker(10 * time.Millisecond); ; {
		if b.control, err = net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			tick.Stop()
			return nil
		}
		select {
		case <-tick.C:
		case <-b.Done():
			return fmt.Errorf("baresip ended: %s", b.Output())
		case <-ctx.Done():
			return fmt.Errorf("connecting to baresip: %w: %s", err, b.Output())
		}
	}
}

// listen keeps the events that come as netstrings until the connection closes.
func (b *Baresip) listen() {
	r := bufio.NewReader(b.control)
	for {
		var n int
		if _, err := fmt.Fscanf(r, "%d:", &n); err != nil || n < 0 || n > 1<<16 {
			return
		}
		text := make([]byte, n+1) // and the comma
		if _, err := io.ReadFull(r, text); err != nil {
			return
		}
		var e baresipEvent
		if json.Unmarshal(text[:n], &e) != nil || !e.Event {
			continue
		}
		b.mu.Lock()
		b.events = append(b.events, e)
		close(b.more)
		b.more = make(chan struct{})
		b.mu.Unlock()
	}
}

// command sends one command.
func (b *Baresip) command(name, params string) error {
	text, err := json.Marshal(map[string]string{"command": name, "params": params})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(b.control, "%d:%s,", len(text), text)
	return err
}

// Dial calls n.
func (b *Baresip) Dial(n office.Number) error {
	return b.command("dial", "sip:"+string(n)+"@"+b.account.Domain)
}

// Transfer sends the other side of the call to n.
func (b *Baresip) Transfer(n office.Number) error {
	return b.command("transfer", "sip:"+string(n)+"@"+b.account.Domain)
}

// Lamp waits until the office says, after all that earlier calls of Lamp have read,
// that so many new messages wait. Baresip prints it, for its event may be too early
// for the control connection.
func (b *Baresip) Lamp(ctx context.Context, want int) (err error) {
	_, b.lamp, err = b.Line(ctx, b.lamp, func(l string) bool {
		return strings.Contains(strings.ToLower(l), fmt.Sprintf("voice-message: %d/", want))
	})
	return err
}

// Press presses keys one after the other, as a person does, until ctx ends.
func (b *Baresip) Press(ctx context.Context, keys string) error {
	for _, k := range keys {
		if _, err := b.keys.WriteString(string(k)); err != nil {
			return err
		}
		select { // it lets go of a key after 250 ms
		case <-time.After(400 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Hold has the other side wait, Resume talks on.
func (b *Baresip) Hold(ctx context.Context) error   { return b.Press(ctx, "x") }
func (b *Baresip) Resume(ctx context.Context) error { return b.Press(ctx, "X") }

// Digit waits until the other side presses a key, and returns it.
func (b *Baresip) Digit(ctx context.Context) (string, error) { return b.next(ctx, "CALL_DTMF_START") }

// Hangup ends the call.
func (b *Baresip) Hangup() error { return b.command("hangup", "") }

// Answer takes the call that rings.
func (b *Baresip) Answer() error { return b.command("accept", "") }

// Await takes the next event of that type, such as CALL_ESTABLISHED, together
// with all that came before it. It fails where another kind of end comes first.
func (b *Baresip) Await(ctx context.Context, event string) error {
	_, err := b.next(ctx, event)
	return err
}

// next is Await, and returns what the event says.
func (b *Baresip) next(ctx context.Context, event string) (param string, err error) {
	for {
		b.mu.Lock()
		more := b.more
		for i, e := range b.events {
			if e.Type == event {
				b.events = b.events[i+1:]
				b.mu.Unlock()
				return e.Param, nil
			}
			if e.Type == "CALL_CLOSED" {
				b.events = b.events[i+1:]
				b.mu.Unlock()
				return "", fmt.Errorf("baresip: %s (%s) instead of %s; it printed:\n%s", e.Type, e.Param, event, b.Output())
			}
		}
		b.mu.Unlock()
		select {
		case <-more:
		case <-b.Done():
			return "", fmt.Errorf("baresip ended: %s", b.Output())
		case <-ctx.Done():
			return "", fmt.Errorf("baresip: waiting for %s: %w; it printed:\n%s", event, ctx.Err(), b.Output())
		}
	}
}

// Heard returns what it heard in its calls, oldest first. A recording is
// complete once baresip closed the call.
func (b *Baresip) Heard() ([]media.Sound, error) {
	files, err := b.recordings()
	if err != nil {
		return nil, err
	}
	var out []media.Sound
	for _, name := range files {
		s, err := ReadWAV(name)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// recordings returns the files of what it heard, oldest first.
func (b *Baresip) recordings() ([]string, error) {
	return filepath.Glob(filepath.Join(b.dir, "dump-*-dec.wav")) // named after the time of day
}

// Hears waits until the tone hz is heard for half a second in the call that goes on.
func (b *Baresip) Hears(ctx context.Context, hz float64) error {
	return await(ctx, b.hearing, hz, true)
}

// hearing returns what is heard in its last call from the n-th sample on. It is an
// error where its recording has not begun.
func (b *Baresip) hearing(n int) (media.Sound, error) {
	files, err := b.recordings()
	if err != nil || len(files) == 0 {
		return media.Sound{}, err
	}
	wav, err := os.ReadFile(files[len(files)-1])
	if err != nil {
		return media.Sound{}, err
	}
	const size = 40 // where its header says how long the sound is: not known before the end
	if len(wav) > size+4 {
		copy(wav[size:], "\xff\xff\xff\x7f")
	}
	s, err := media.ReadWAV(bytes.NewReader(wav))
	s.Samples = s.Samples[min(n, len(s.Samples)):]
	return s, err
}
