package officetest_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"timbre/internal/officetest"
	"timbre/internal/server"
	"timbre/softphone"
)

func TestServerAndPhonesBehindTwoNATs(t *testing.T) {
	t.Parallel()
	ctx := limit(t, 2*time.Minute)
	nat, err := officetest.NewNAT(ctx)
	if errors.Is(err, officetest.ErrNotRoot) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := nat.Close(); err != nil {
			t.Error(err)
		}
	})
	o := started(t, ctx, officetest.Spawn, officetest.Options{Prefix: nat.Server(), Config: func(c *server.Config) {
		c.HTTPS, c.SIPS = fmt.Sprintf(":%d", officetest.NATHTTPS), fmt.Sprintf(":%d", officetest.NATSIPS)
		c.Domain, c.PublicAddress = "", officetest.NATPublic
		c.RTPMin, c.RTPMax = officetest.NATRTPMin, officetest.NATRTPMax
	}})
	o.Ready.HTTPS = fmt.Sprintf("https://%s:%d", officetest.NATPublic, officetest.NATHTTPS)
	file := func(name string) string { return filepath.Join(o.Dir, name) }
	for name, hz := range map[string]float64{"ana.wav": 1000, "luis.wav": 440} {
		if err := officetest.WriteTone(file(name), hz, 30*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	ana, err := o.Client(ctx, "101", nat.Phones()...)
	if err != nil {
		t.Fatal(err)
	}
	luis, err := o.Client(ctx, "102", nat.Phones()...)
	if err != nil {
		t.Fatal(err)
	}
	answers, err := luis.Start(ctx, "phone", "--auto-answer", "--audio", "wav:"+file("luis.wav")+","+file("luis-heard.wav"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := answers.Report(ctx, 0, func(r softphone.Report) bool { return r.State == string(softphone.Registered) }); err != nil {
		t.Fatal(err)
	}
	calls, err := ana.Start(ctx, "call", "102", "--headless", "--audio", "wav:"+file("ana.wav")+","+file("ana-heard.wav"), "--for", talkTime.String())
	if err != nil {
		t.Fatal(err)
	}
	if err := calls.Wait(ctx); err != nil {
		t.Fatalf("%v\n%s", err, calls.Output())
	}
	if err := answers.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		who, file string
		hz, no    float64
	}{{"101", "ana-heard.wav", 440, 1000}, {"102", "luis-heard.wav", 1000, 440}} {
		s, err := officetest.ReadWAV(file(c.file))
		if err != nil {
			t.Fatal(err)
		}
		hears(t, c.who, s, c.hz, c.no)
	}
}
