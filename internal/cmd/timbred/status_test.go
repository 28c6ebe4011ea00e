package main

import (
	"testing"

	"timbre/internal/api"
)

func TestMailState(t *testing.T) {
	for _, c := range []struct {
		queue api.MailQueue
		want  string
	}{
		{api.MailQueue{}, "not set up (timbred smtp set), 0 waiting"},
		{api.MailQueue{Waiting: 2, GivenUp: 3, LastError: "no mail server was set up"}, "not set up (timbred smtp set), 2 waiting, 3 given up; last error: no mail server was set up"},
		{api.MailQueue{Set: true}, "0 waiting"},
		{api.MailQueue{Set: true, Waiting: 1, Held: 4, LastError: "-"}, "1 waiting, 4 held (timbred mail release)"},
	} {
		if got := mailState(c.queue); got != c.want {
			t.Errorf("%+v: %q, want %q", c.queue, got, c.want)
		}
	}
}
