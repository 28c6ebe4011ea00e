package store_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

// What calls ask for is kept in memory: whatever changes it is seen at once.
func knownAtOnce(t *testing.T, f *fixture) {
	ctx := t.Context()
	must(t, f.SetCompany(ctx, office.Company{Number: "+525555550100", Region: "MX"}))
	ana := f.add(t, "101")
	f.add(t, "102")
	look := func(what string) {
		t.Helper()
		for _, n := range []office.Number{"101", "102"} {
			e, err := f.Extension(ctx, n)
			if errors.Is(err, office.ErrNotFound) && what == "removed" {
				continue
			}
			must(t, err)
			if is, err := f.ExtensionOf(ctx, e.Account); is != e || err != nil {
				t.Errorf("%s: extension is %+v, known as %+v; %v", what, is, e, err)
			}
			forwarding, available, err := f.Reachability(ctx, e.Account)
			must(t, err)
			if is, err := f.ForwardingSettings(ctx, e.Account); !reflect.DeepEqual(is, forwarding) || err != nil {
				t.Errorf("%s: forwarding is %+v, known as %+v; %v", what, is, forwarding, err)
			}
			if is, err := f.Availability(ctx, e.Account); !reflect.DeepEqual(is, available) || err != nil {
				t.Errorf("%s: availability is %+v, known as %+v; %v", what, is, available, err)
			}
		}
	}
	look("new")
	yes, until := true, f.now.Add(time.Hour)
	for _, c := range []struct {
		what string
		do   func() error
	}{
		{"disabled", func() error { _, err := f.SetExtension(ctx, "101", store.ExtensionPatch{Disabled: &yes}); return err }},
		{"profile", func() error { _, err := f.SetProfile(ctx, ana, "ana@example.com", office.English, ""); return err }},
		{"ring time", func() error {
			_, err := f.SetVoicemailSettings(ctx, ana, office.VoicemailSettings{RingSeconds: 7, Greeting: office.Greeting{Kind: office.GreetingDefault}}, "")
			return err
		}},
		{"forwarding", func() error {
			_, err := f.SetForwardingSettings(ctx, ana, office.ForwardingSettings{IsEnabled: true, When: office.WhenSet{office.ForwardBusy: true}, Number: "102"}, "")
			return err
		}},
		{"availability", func() error {
			_, err := f.SetAvailability(ctx, ana, office.Availability{DNDUntil: &until}, "")
			return err
		}},
		{"removed", func() error { return f.RemoveExtension(ctx, "101", time.Hour) }},
	} {
		must(t, c.do())
		look(c.what)
	}
	if e, err := f.Extension(ctx, "101"); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("an extension that was removed: %+v, %v", e, err)
	}
	if _, _, err := f.Reachability(ctx, ana); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("how to reach one that was removed: %v", err)
	}
	if again := f.add(t, "101"); again == ana {
		t.Fatal("the same account")
	} else if e, err := f.Extension(ctx, "101"); e.Account != again || err != nil {
		t.Errorf("the number given to another: %+v, %v", e, err)
	}
}
