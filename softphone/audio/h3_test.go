package audio
import ("testing";"time";"fmt";"timbre/internal/media";"log/slog";"os")
func TestH3(t *testing.T){ startPulse(t)
 for _, p := range []time.Duration{10*time.Millisecond} { _ = p
 n:=0
 s := media.Stream{Rate: 8000}
 g:= media.Sine(1000,-12).Generator(8000)
 t0:=time.Now()
 var last time.Time
 s.Source = func(f []int16){ g.Read(f); n++; if now:=time.Now(); now.Sub(last)>50*time.Millisecond { fmt.Println("gap at", now.Sub(t0), now.Sub(last), n); last=now } else {last=now} }
 heard := take(t, &Devices{Log: slog.New(slog.NewTextHandler(os.Stderr,nil))}, s, 8*time.Second)
 fmt.Println("pulled", n, "in", time.Since(t0))
 for i:=0;i+800<=len(heard);i+=800 { fmt.Printf("%.0f/%.0f ", media.Level(heard[i:i+800],8000,1000), media.Loudness(heard[i:i+800])) }
 fmt.Println()
 }}
