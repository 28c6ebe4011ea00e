package media

import (
	"errors"
	"testing"
	"time"
)

func TestTranslatorKeepsATone(t *testing.T) {
	for _, from := range spoken {
		for _, to := range spoken {
			for _, ptime := range []time.Duration{10 * time.Millisecond, 20 * time.Millisecond, 60 * time.Millisecond} {
				enc, _ := NewEncoder(from)
				dec, _ := NewDecoder(to)
				tr, err := NewTranslator(from, to)
				if err != nil {
					t.Fatal(err)
				}
				in := sine(enc.Rate(), enc.Rate()*12/5)
				var out []int16
				frame := samplesIn(ptime, enc.Rate())
				for at := 0; at < len(in); at += frame {
					payload := enc.Encode(nil, in[at:at+frame])
					if d := tr.Put(payload); d != ptime {
						t.Fatalf("%s: a payload of %v has %v", from, ptime, d)
					}
					for payload := tr.Next(); payload != nil; payload = tr.Next() {
						out = dec.Decode(out, payload)
					}
					// Nothing is kept back but what makes no whole payload.
					if came, went := time.Duration(at+frame)*time.Second/time.Duration(enc.Rate()), time.Duration(len(out))*time.Second/time.Duration(dec.Rate()); came-went >= FrameTime {
						t.Fatalf("%s to %s: of %v came %v", from, to, came, went)
					}
				}
				n := len(out) / 2 // Opus changes its mode in the first second
				if got, want := Level(out[n:], dec.Rate(), 440), -6.2; got < want-1 || got > want+1 {
					t.Errorf("%s of %v to %s: the tone has %.1f dBFS, not %.1f", from, ptime, to, got, want)
				}
			}
		}
	}
}

func TestTranslatorFillsGaps(t *testing.T) {
	for _, from := range spoken {
		for _, to := range spoken {
			enc, _ := NewEncoder(from)
			tr, err := NewTranslator(from, to)
			if err != nil {
				t.Fatal(err)
			}
			frame := samplesIn(FrameTime, enc.Rate())
			in := sine(enc.Rate(), 50*frame)
			payloads := 0
			for i := range 50 {
				payload := enc.Encode(nil, in[i*frame:][:frame])
				switch i {
				case 20, 21, 22, 40:
					continue // lost
				case 23:
					tr.Lost(3*FrameTime, payload)
				case 41:
					tr.Lost(FrameTime, payload)
				}
				tr.Put(payload)
				for tr.Next() != nil {
					payloads++
				}
			}
			if payloads != 50 {
				t.Errorf("%s to %s: %d payloads of 50", from, to, payloads)
			}
		}
	}
}

func TestTranslatorSkipsARest(t *testing.T) {
	tr, err := NewTranslator("PCMU", "PCMA")
	if err != nil {
		t.Fatal(err)
	}
	tr.Put(make([]byte, 240))
	if tr.Next() == nil || tr.Next() != nil {
		t.Fatal("30 ms are not one payload")
	}
	if d := tr.Skip(); d != 10*time.Millisecond {
		t.Errorf("%v were left", d)
	}
	tr.Put(make([]byte, 80))
	if tr.Next() != nil {
		t.Error("what was skipped came")
	}
}

func TestTranslatorAllocatesNothing(t *testing.T) {
	for _, pair := range [][2]string{{"PCMU", "G722"}, {"G722", "PCMU"}, {"PCMU", "opus"}, {"opus", "PCMA"}, {"G722", "opus"}, {"opus", "G722"}} {
		enc, _ := NewEncoder(pair[0])
		tr, err := NewTranslator(pair[0], pair[1])
		if err != nil {
			t.Fatal(err)
		}
		payload := enc.Encode(nil, sine(enc.Rate(), samplesIn(FrameTime, enc.Rate())))
		if n := testing.AllocsPerRun(100, func() {
			tr.Put(payload)
			for tr.Next() != nil {
			}
		}); n != 0 && (OpusLibrary == "libopus" || pair[0] != "opus" && pair[1] != "opus") { // the virtual machine allocates
			t.Errorf("%s to %s allocates %v times a payload", pair[0], pair[1], n)
		}
	}
}

func TestTranslatorOfNothing(t *testing.T) {
	for _, pair := range [][2]string{{"GSM", "PCMU"}, {"PCMU", "GSM"}} {
		if _, err := NewTranslator(pair[0], pair[1]); !errors.Is(err, ErrCodec) {
			t.Errorf("%v: %v", pair, err)
		}
	}
}

func BenchmarkTranslator(b *testing.B) {
	for _, pair := range [][2]string{{"PCMU", "PCMA"}, {"PCMU", "G722"}, {"G722", "PCMU"}, {"PCMU", "opus"}, {"opus", "PCMU"}, {"opus", "G722"}, {"G722", "opus"}} {
		b.Run(pair[0]+"-"+pair[1], func(b *testing.B) {
			enc, _ := NewEncoder(pair[0])
			tr, err := NewTranslator(pair[0], pair[1])
			if err != nil {
				b.Fatal(err)
			}
			payload := enc.Encode(nil, sine(enc.Rate(), samplesIn(FrameTime, enc.Rate())))
			for b.Loop() {
				tr.Put(payload)
				for tr.Next() != nil {
				}
			}
		})
	}
}
