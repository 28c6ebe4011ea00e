package officetest

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"timbre/internal/media"
	"timbre/internal/office"
	"timbre/softphone"
)

// Demo shows an office at work with the real binaries in the folder bin and
// writes to w what it measured: two headless phones call each other, one leaves
// a voicemail for the other, it is synced, played, marked and deleted, and the
// log is read after the server is gone. It returns nil only if all of it
// happened.
func Demo(ctx context.Context, bin string, w io.Writer) (err error) {
	begin := time.Now()
	o, err := Spawn(ctx, Options{Bin: bin, Name: "Ejemplo (demostración)"})
	if err != nil {
		return err
	}
	defer func() {
		if e := o.Close(); err == nil {
			err = e
		}
	}()
	d := &demo{office: o, w: w, begin: begin}
	d.say("server  %s, SIP over TLS %s, authority %.16s…", o.Ready.HTTPS, o.Ready.SIPS, o.Ready.Fingerprint)
	for _, step := range []func(context.Context) error{
		d.login, d.talk, d.leave, d.hear, d.drop, d.log,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	d.say("all of it happened")
	return nil
}

// demo is one run of Demo.
type demo struct {
	office    *Office
	w         io.Writer
	begin     time.Time
	ana, luis *Client // 101 and 102
	message   voicemailLine
}

// demoHz is the tone that is sent and looked for.
const demoHz = 1000

// audible is the least level in dBFS at which the tone counts as heard: it is
// sent at toneLevel, and silence is far below.
const audible = toneLevel - 6

// say writes one line of the transcript.
func (d *demo) say(format string, args ...any) {
	fmt.Fprintf(d.w, "%6.2f s  %s\n", time.Since(d.begin).Seconds(), fmt.Sprintf(format, args...))
}

func (d *demo) login(ctx context.Context) (err error) {
	if d.ana, err = d.office.Client(ctx, "101"); err != nil {
		return err
	}
	if d.luis, err = d.office.Client(ctx, "102"); err != nil {
		return err
	}
	d.say("login   101 and 102, each with a profile of its own")
	return nil
}

// file returns the path of a sound file of the demo.
func (d *demo) file(name string) string { return filepath.Join(d.office.Dir, name) }

// phone starts the phone of 102 and waits until it is registered.
func (d *demo) phone(ctx context.Context, args ...string) (*Process, error) {
	p, err := d.luis.Start(ctx, append([]string{"phone"}, args...)...)
	if err != nil {
		return nil, err
	}
	return p, d.registers(ctx, "102", p)
}

// registers waits until a phone is registered, which ours are over TLS alone.
func (d *demo) registers(ctx context.Context, who string, p *Process) error {
	if _, _, err := p.Report(ctx, 0, isRegistered); err != nil {
		return err
	}
	d.say("phone   %s is registered over TLS", who)
	return nil
}

func isRegistered(r softphone.Report) bool {
	return r.Event == "registration" && r.State == string(softphone.Registered)
}

func isEnded(r softphone.Report) bool {
	return r.Event == "call" && r.State == string(softphone.Ended)
}

// call lets 101 call 102 with the tone and returns how the call ended.
func (d *demo) call(ctx context.Context, hold time.Duration) (softphone.Report, error) {
	p, err := d.ana.Start(ctx, "call", "102", "--headless", "--audio", "wav:"+d.file("tone.wav")+",", "--for", hold.String())
	if err != nil {
		return softphone.Report{}, err
	}
	if err := d.registers(ctx, "101", p); err != nil {
		return softphone.Report{}, err
	}
	r, _, err := p.Report(ctx, 0, isEnded)
	if err != nil {
		return r, err
	}
	if err := p.Wait(ctx); err != nil {
		return r, fmt.Errorf("timbre call: %w; it printed:\n%s", err, p.Output())
	}
	if r.Outcome != office.Answered || !r.Secure || r.Sent == 0 {
		return r, fmt.Errorf("the call was not answered with SRTP: %+v", r)
	}
	return r, nil
}

// talk lets 102 answer and looks for the tone in what it recorded.
func (d *demo) talk(ctx context.Context) error {
	if err := WriteTone(d.file("tone.wav"), demoHz, 30*time.Second); err != nil {
		return err
	}
	p, err := d.phone(ctx, "--auto-answer", "--audio", "wav:,"+d.file("heard.wav"))
	if err != nil {
		return err
	}
	sent, err := d.call(ctx, 3*time.Second)
	if err != nil {
		return err
	}
	got, _, err := p.Report(ctx, 0, isEnded)
	if err != nil {
		return err
	}
	d.say("call    101 → 102 answered, %.1f s, %s over SRTP, %d packets sent, %d received", sent.Seconds, sent.Codec, sent.Sent, got.Received)
	if err := p.Stop(); err != nil {
		return err
	}
	return d.listen("102 heard", d.file("heard.wav"))
}

// listen measures the tone in a recording.
func (d *demo) listen(who, file string) error {
	s, err := ReadWAV(file)
	if err != nil {
		return err
	}
	level, other := Loudest(s, demoHz), Loudest(s, demoHz*1.7)
	if level < audible || other > level-20 {
		return fmt.Errorf("%s %d Hz at %.1f dBFS and %.0f Hz at %.1f dBFS in %v: not the tone", who, demoHz, level, demoHz*1.7, other, s.Duration())
	}
	d.say("sound   %s %d Hz at %.1f dBFS (sent at %d; %.0f Hz beside it at %.1f)", who, demoHz, level, toneLevel, demoHz*1.7, other)
	return nil
}

// leave lets 102 ring until voicemail answers, and leaves a message.
func (d *demo) leave(ctx context.Context) error {
	if err := d.office.Admin(ctx, "", nil, "extension", "set", "102", "--ring", "5s"); err != nil {
		return err
	}
	p, err := d.phone(ctx, "--audio", "null")
	if err != nil {
		return err
	}
	begin := time.Now()
	r, err := d.call(ctx, 12*time.Second) // the greeting takes some 8 s of it
	if err != nil {
		return err
	}
	ringing := time.Since(begin).Seconds() - r.Seconds
	if ringing < 5 {
		return fmt.Errorf("voicemail answered after %.1f s, not after 5 s", ringing)
	}
	missed, _, err := p.Report(ctx, 0, isEnded)
	if err != nil {
		return err
	}
	if missed.Seconds != 0 {
		return fmt.Errorf("102 was meant not to answer: %+v", missed)
	}
	d.say("call    101 → 102 rang %.1f s without an answer (102: %s); the voicemail listened for %.1f s", ringing, missed.Outcome, r.Seconds)
	return p.Stop()
}

// A voicemailLine is what `timbre voicemail list --json` says of a message.
type voicemailLine struct {
	ID       office.ID       `json:"id"`
	From     office.Party    `json:"from"`
	Duration office.Duration `json:"duration"`
	IsNew    bool            `json:"isNew"`
	Size     int64           `json:"size"`
}

// inbox returns the messages of 102 after a sync.
func (d *demo) inbox(ctx context.Context) (v []voicemailLine, err error) {
	if err := d.luis.JSON(ctx, nil, "sync", "--once"); err != nil {
		return nil, err
	}
	return v, d.luis.JSON(ctx, &v, "voicemail", "list")
}

// hear syncs the message, plays it and looks for the tone in what was played.
func (d *demo) hear(ctx context.Context) error {
	list, err := d.inbox(ctx)
	if err != nil {
		return err
	}
	if len(list) != 1 || !list[0].IsNew || list[0].From.Number != "101" || time.Duration(list[0].Duration) < office.MinVoicemail {
		return fmt.Errorf("102 should have one new message from 101: %+v", list)
	}
	d.message = list[0]
	d.say("sync    102 has one new message from %s (%s), %v, %d bytes of MP3", d.message.From.Number, d.message.From.Name, time.Duration(d.message.Duration), d.message.Size)
	if _, err := d.luis.Run(ctx, "", "voicemail", "play", string(d.message.ID), "--audio", "wav:,"+d.file("played.wav")); err != nil {
		return err
	}
	return d.listen("the message has", d.file("played.wav"))
}

// drop marks the message as new and as heard, and deletes it.
func (d *demo) drop(ctx context.Context) error {
	id := string(d.message.ID)
	for _, mark := range []string{"new", "heard"} {
		if _, err := d.luis.Run(ctx, "", "voicemail", "mark", id, mark); err != nil {
			return err
		}
		list, err := d.inbox(ctx)
		if err != nil {
			return err
		}
		if len(list) != 1 || list[0].IsNew != (mark == "new") {
			return fmt.Errorf("the message should be %s: %+v", mark, list)
		}
		d.say("mark    the message is %s, also after a sync", mark)
	}
	if _, err := d.luis.Run(ctx, "", "voicemail", "delete", id); err != nil {
		return err
	}
	list, err := d.inbox(ctx)
	if err != nil {
		return err
	}
	if len(list) != 0 {
		return fmt.Errorf("the message should be gone: %+v", list)
	}
	d.say("delete  the message is gone, also after a sync")
	return nil
}

// A callLine is what `timbre log --json` says of a call.
type callLine struct {
	Kind     office.CallKind `json:"kind"`
	Outcome  office.Outcome  `json:"outcome"`
	Peer     office.Party    `json:"peer"`
	Duration office.Duration `json:"duration"`
}

// log compares both logs with what happened, before and after the server is
// stopped.
func (d *demo) log(ctx context.Context) error {
	for _, c := range []*Client{d.ana, d.luis} {
		if err := c.JSON(ctx, nil, "sync", "--once"); err != nil {
			return err
		}
	}
	if err := d.compare(ctx); err != nil {
		return err
	}
	if err := d.office.StopServer(); err != nil {
		return err
	}
	if err := d.compare(ctx, "--offline"); err != nil {
		return err
	}
	d.say("offline the server is stopped; both logs read the same")
	return nil
}

func (d *demo) compare(ctx context.Context, args ...string) error {
	for _, who := range []struct {
		name string
		*Client
		newest, oldest callLine
	}{
		{"101", d.ana, callLine{Kind: office.Outgoing, Outcome: office.ToVoicemail}, callLine{Kind: office.Outgoing, Outcome: office.Answered}},
		{"102", d.luis, callLine{Kind: office.Missed, Outcome: office.ToVoicemail}, callLine{Kind: office.Incoming, Outcome: office.Answered}},
	} {
		var list []callLine
		if err := who.JSON(ctx, &list, append([]string{"log"}, args...)...); err != nil {
			return err
		}
		if len(list) != 2 || list[0].Kind != who.newest.Kind || list[0].Outcome != who.newest.Outcome ||
			list[1].Kind != who.oldest.Kind || list[1].Outcome != who.oldest.Outcome || time.Duration(list[1].Duration) < 2*time.Second {
			return fmt.Errorf("the log of %s should be %v, %v: %+v", who.name, who.newest, who.oldest, list)
		}
		if len(args) == 0 {
			for _, c := range list {
				d.say("log     %s: %s %s %s %v", who.name, c.Kind, c.Peer.Number, c.Outcome, time.Duration(c.Duration))
			}
		}
	}
	return nil
}

// WriteTone writes a WAV file of a steady tone.
func WriteTone(name string, hz float64, length time.Duration) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	w, err := media.NewWAVWriter(f, 8000)
	if err != nil {
		return err
	}
	if err := w.Write(media.Sine(hz, toneLevel).Sound(8000, length).Samples); err != nil {
		return err
	}
	return w.Close()
}

// ReadWAV returns the sound of a WAV file.
func ReadWAV(name string) (media.Sound, error) {
	f, err := os.Open(name)
	if err != nil {
		return media.Sound{}, err
	}
	defer f.Close()
	s, err := media.ReadWAV(f)
	if err != nil {
		return s, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}
