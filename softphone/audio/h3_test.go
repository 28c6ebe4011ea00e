package audio
import ("testing";"time";"fmt";"timbre/internal/media";"os";"strconv")
func TestH3(t *testing.T){ startPulse(t)
 for _, p := range []time.Duration{10*time.Millisecond,20*time.Millisecond, 30*time.Millisecond} { for _, k:= range []string{"2","3","4"} { os.Setenv("H3P",k); _=strconv.Itoa
 n:=0
 s := media.Stream{Rate: 48000}
 g:= media.Sine(1000,-12).Generator(48000)
 s.Source = func(f []int16){ g.Read(f); n++ }
 s.Sink = func([]int16){}
 a,err := openCard(backends(), false, "", p, s); if err!=nil{t.Fatal(err)}
 b,err := openCard(backends(), true, "", p, s); if err!=nil{t.Fatal(err)}
 time.Sleep(3*time.Second)
 n0:=n; b.heard.skip(b.heard.len()); t0:=time.Now()
 var all []int16
 for time.Since(t0)<5*time.Second { time.Sleep(20*time.Millisecond); x:=make([]int16,b.heard.len()); b.heard.get(x); all=append(all,x...) }
 bad:=0
 for i:=0;i+480<=len(all);i+=480 { if media.Level(all[i:i+480],48000,1000) < -12.5 {bad++} }
 fmt.Println(p,k,"pulled/s", float64(n-n0)/5, "heard", len(all)/48, "ms bad10ms", bad, "level", media.Level(all,48000,1000), "gaps",a.gaps.Load(),b.gaps.Load())
 a.close(); b.close()
 }}}
