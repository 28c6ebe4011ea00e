package model

import (
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/softphone"
)

func TestQualityInWords(t *testing.T) {
	es, en := NewPhrasebook(office.Spanish), NewPhrasebook(office.English)
	good := softphone.Quality{Codec: "opus", Talk: time.Minute, Received: 3000}
	for name, c := range map[string]struct {
		change func(*softphone.Quality)
		es, en string // part of the words; empty: none
	}{
		"good":        {func(*softphone.Quality) {}, "", ""},
		"no device":   {func(q *softphone.Quality) { q.NoDevice = true }, "audífonos", "headset"},
		"stalls":      {func(q *softphone.Quality) { q.Stalled = 10 * time.Second }, "Cierra", "Close"},
		"far side":    {func(q *softphone.Quality) { q.Received = 0 }, "otro lado", "other side"},
		"loss":        {func(q *softphone.Quality) { q.Loss, q.Recovered = 0.12, 0.02 }, "10 %", "10%"},
		"late":        {func(q *softphone.Quality) { q.Late = 0.2 }, "cable", "cable"},
		"short":       {func(q *softphone.Quality) { q.Talk, q.Received = time.Second, 0 }, "", ""},
		"nobody came": {func(q *softphone.Quality) { *q = softphone.Quality{} }, "", ""},
	} {
		q := good
		c.change(&q)
		for words, want := range map[string]string{es.Quality(q): c.es, en.Quality(q): c.en} {
			if (words == "") != (want == "") || !strings.Contains(words, want) || strings.Contains(words, "{") {
				t.Errorf("%s: %q, want something with %q", name, words, want)
			}
		}
	}
}
