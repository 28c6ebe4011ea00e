package media

import "testing"

func TestHoldIsCalmAndHasNoSeam(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		s := Hold(rate)
		if d := s.Duration().Seconds(); d < 10 || d > 30 {
			t.Errorf("at %d Hz it lasts %.1f s", rate, d)
		}
		second := rate
		for at := 0; at+second <= len(s.Samples); at += second {
			if l := Loudness(s.Samples[at:][:second]); l < -45 || l > -20 {
				t.Errorf("at %d Hz, second %d has %.1f dBFS", rate, at/second, l)
			}
		}
		// Neighbouring samples are no further apart at the seam than elsewhere.
		step := func(a, b int16) int { return max(int(a)-int(b), int(b)-int(a)) }
		most := 0
		for i := 1; i < len(s.Samples); i++ {
			most = max(most, step(s.Samples[i], s.Samples[i-1]))
		}
		if seam := step(s.Samples[0], s.Samples[len(s.Samples)-1]); seam > most {
			t.Errorf("at %d Hz the seam jumps by %d, the rest by %d at most", rate, seam, most)
		}
	}
}
