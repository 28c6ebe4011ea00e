package voicemail

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"timbre/internal/bridge"
	"timbre/internal/media"
	"timbre/internal/office"
	"timbre/internal/sdp"
	"timbre/internal/ua"
)

// endpoint returns a running SIP endpoint on loopback.
func endpoint(t *testing.T, on func(context.Context, *ua.Incoming)) (*ua.Endpoint, netip.AddrPort) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e, err := ua.New(ua.Config{Log: slog.New(slog.DiscardHandler), Agent: "test", Host: "127.0.0.1", UDP: conn, OnInvite: on})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := e.Run(ctx); err != nil {
			t.Errorf("endpoint: %v", err)
		}
	})
	t.Cleanup(func() { stop(); running.Wait() })
	return e, conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

// hears waits until a tone of hz arrives.
func hears(t *testing.T, v *bridge.Voice, hz float64) {
	t.Helper()
	heard := make(chan struct{}, 1)
	var last []int16
	v.Listen(func(s []int16) {
		if last = append(last, s...); len(last) < Rate/5 {
			return
		}
		if media.Level(last, Rate, hz) > -18 {
			select {
			case heard <- struct{}{}:
			default:
			}
		}
		last = last[:0]
	})
	defer v.Listen(nil)
	select {
	case <-heard:
	case <-time.After(20 * time.Second):
		t.Errorf("%.0f Hz was not heard", hz)
	}
}

// TestMessageIsLeftAndHeardOverRTP leaves a message by telephone and hears it in
// the menu, in a wide-band codec, with keys as telephone events.
func TestMessageIsLeftAndHeardOverRTP(t *testing.T) {
	m := newMachine(t, t.TempDir())
	defer m.close(t)
	withPIN(t, m)
	codecs := []sdp.Codec{sdp.G722, sdp.TelephoneEvent}
	results := make(chan Result, 1)
	_, addr := endpoint(t, func(ctx context.Context, in *ua.Incoming) {
		leg, err := in.Answer(ctx, ua.AnswerOptions{Codecs: codecs})
		if err != nil {
			t.Errorf("answer: %v", err)
			return
		}
		var taken *Taken
		err = bridge.Converse(ctx, leg, func(ctx context.Context, v *bridge.Voice) (err error) {
			if taken, err = m.Record(ctx, v, Message{To: m.to, From: office.Party{Number: "101"}}); err != nil || taken == nil {
				return err
			}
			if _, err = m.Keep(ctx, taken); err != nil {
				return err
			}
			res, err := m.Menu(ctx, v, Caller{From: office.Party{Number: "101"}, Account: m.to.Account})
			results <- res
			return err
		})
		if err != nil || taken == nil {
			t.Errorf("the dialogue: %v, %v", taken, err)
			results <- Result{}
		}
		bridge.Hangup(ctx, leg)
	})
	near, _ := endpoint(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	leg, err := near.Dial(ctx, ua.Target{URI: "sip:x@" + addr.String(), Transport: "udp", Addr: addr, Codecs: codecs})
	if err != nil {
		t.Fatal(err)
	}
	press := func(keys string) {
		for _, key := range keys {
			if err := leg.SendDigit(ctx, key); err != nil && !errors.Is(err, ua.ErrClosed) { // the last one ends the call
				t.Errorf("pressing %c: %v", key, err)
			}
		}
	}
	err = bridge.Talk(ctx, leg, func(ctx context.Context, v *bridge.Voice) error {
		press("#") // the greeting is known
		hears(t, v, media.Beep().Hz[0])
		if _, err := v.Play(ctx, media.Sine(1000, -12).Sound(Rate, 3*time.Second).Samples, ""); err != nil {
			return err
		}
		press("#2580#1#")
		hears(t, v, 1000)
		press("8")
		if res := <-results; res.Account != m.to.Account || res.CallBack != "101" {
			t.Errorf("%+v", res)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	vs, sounds := m.messages(t)
	if len(vs) != 1 || vs[0].IsNew || time.Duration(vs[0].Duration) < 2500*time.Millisecond {
		t.Fatalf("messages %+v", vs)
	}
	if level := media.Level(sounds[0].Samples[:2*sounds[0].Rate], sounds[0].Rate, 1000); level < -15 {
		t.Errorf("1 kHz is in the message at %.0f dB only", level)
	}
}
