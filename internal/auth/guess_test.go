package auth

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// address returns the first address of the i-th of many networks.
func address(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1}) }

// attack lets guessers try at 101, each as soon as it may, for a time in steps of a second, and
// returns how often a password was looked at. each is told after every step.
func (d *door) attack(guessers []netip.Addr, during time.Duration, each func(passed time.Duration)) (tries int) {
	for passed := time.Duration(0); passed < during; passed += time.Second {
		for _, a := range guessers {
			if v := (visitor{login{company, "101"}, source(a)}); d.wait(v, false) == 0 {
				d.fail(v, false)
				tries++
			}
		}
		each(passed)
		d.now = d.now.Add(time.Second)
	}
	return tries
}

// Whoever guesses without pause has few tries, and keeps the owner, who comes from
// an address that nobody has seen, not out.
func TestAGuesserKeepsNobodyOut(t *testing.T) {
	networks := func(n int) (all []netip.Addr) {
		for i := range n {
			all = append(all, address(i))
		}
		return all
	}
	var beside []netip.Addr // the addresses of one network
	for i := range 60 {
		beside = append(beside, netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}))
	}
	var customer []netip.Addr // with a /48 of its own
	for i := range 60 {
		customer = append(customer, netip.AddrFrom16([16]byte{0: 0x20, 1: 0x01, 2: 0x0d, 3: 0xb8, 7: byte(i), 15: 1}))
	}
	const most = loginBurst + int(time.Hour/loginPace) // tries an hour at one login, from wherever
	owner := visitor{login{company, "101"}, source(home)}
	for what, c := range map[string]struct {
		from []netip.Addr
		most int
		busy time.Duration // so long from the beginning the owner may have to wait
	}{
		"one address":    {networks(1), 75, 0},
		"one network":    {beside, most, 0},
		"one customer":   {customer, most, 0},
		"a few":          {networks(7), most, 0},
		"forty":          {networks(40), most, 10 * time.Minute},
		"a large botnet": {networks(300), most, time.Hour},
	} {
		d := newDoor(t)
		longest := time.Duration(0)
		tries := d.attack(c.from, time.Hour, func(passed time.Duration) {
			if passed >= c.busy {
				longest = max(longest, d.wait(owner, false))
			}
		})
		if tries > c.most || longest > 15*time.Second {
			t.Errorf("%s: %d tries, the owner waits %s", what, tries, longest)
		}
		if c.busy < time.Hour {
			d.login(t, "101", home)
		}
	}
}

// Those who guess at others' logins, from however many addresses, leave room for one
// who comes for the first time.
func TestGuessersDoNotFillTheQueue(t *testing.T) {
	d := newDoor(t)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	var all []visitor
	for i := range maxQueue + 1 {
		v := visitor{login{company, "199"}, source(address(i))}
		d.fail(v, false)
		all = append(all, v)
	}
	for _, v := range all {
		wg.Go(func() {
			for ctx.Err() == nil {
				d.hasher.do(ctx, d.laneOf(v, false), network(v.source), func() error {
					checkPassword(nobody, "a guess")
					return nil
				})
			}
		})
	}
	for range 3 {
		bounded, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		if _, err := d.Login(bounded, company, "101", password, "laptop", home); err != nil {
			t.Errorf("not in: %v", err)
		}
		cancel()
		d.visited = newMemory[visitor]() // for the first time again
		must(t, d.SetPassword(t.Context(), "101", password))
	}
}
