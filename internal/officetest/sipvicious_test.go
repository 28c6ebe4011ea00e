package officetest_test

import (
	"testing"
	"time"

	"timbre/internal/officetest"
	"timbre/softphone"
)

func TestScannerFindsNobodyAndDisturbsNobody(t *testing.T) {
	t.Parallel()
	ctx := limit(t, 2*time.Minute)
	o := started(t, ctx, officetest.Spawn, officetest.Options{})
	ana := phone(t, ctx, o, "101", officetest.PhoneOptions{Hz: 1000})
	luis := phone(t, ctx, o, "102", officetest.PhoneOptions{Hz: 440, Answer: true})
	c, err := ana.Call("102")
	if err != nil {
		t.Fatal(err)
	}
	reach(t, ctx, ana, c, softphone.Active)
	answered := <-luis.Incoming
	reach(t, ctx, luis, answered, softphone.Active)

	begin := time.Now()
	found, output, err := o.SIPVicious(ctx, "REGISTER", 100, 10099) // 101, 102 and 103 are among them
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	t.Logf("10,000 tries in %v", time.Since(begin).Round(time.Millisecond))
	if len(found) > 0 {
		t.Errorf("found %v:\n%s", found, output)
	}
	for who, call := range map[string]*softphone.Call{"101": c, "102": answered} {
		s, st := call.Stats(), call.Status()
		due := uint64(st.Duration(time.Now()) / (20 * time.Millisecond))
		if st.State != softphone.Active || s.Received < due*95/100 || s.Lost > due/100 {
			t.Errorf("%s: %s, %d of some %d packets received, %d lost", who, st.State, s.Received, due, s.Lost)
		}
	}
	c.Hangup()
	<-c.Done()
	hears(t, "101", ana.Ear.Heard(), 440, 1000)
	hears(t, "102", luis.Ear.Heard(), 1000, 440)
}
