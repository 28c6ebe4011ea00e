package auth

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
)

// Sixteen who guess must not make a stranger wait for sixteen hashes, nor sixteen
// strangers somebody who is known.
func TestNobodyWaitsForManyOfAWorseLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher()
		inside, leave := make(chan string), make(chan struct{})
		enter := func(who string, l lane) {
			go h.do(t.Context(), l, netip.Prefix{}, func() error {
				inside <- who
				<-leave
				return nil
			})
		}
		for range maxQueue {
			enter("guesser", guessers)
			synctest.Wait()
		}
		for range maxQueue {
			enter("stranger", strangers)
			synctest.Wait()
		}
		enter("friend", friends)
		synctest.Wait()
		var order []string
		for range 2*maxQueue + 1 {
			order = append(order, <-inside)
			leave <- struct{}{}
			synctest.Wait()
		}
		if order[1] != "friend" || slices.Index(order, "stranger") > 3 || slices.Contains(order[maxQueue*2-4:], "stranger") {
			t.Errorf("they came in the order %q", order)
		}
	})
}

func TestANetworkHasFewPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher()
		leave := make(chan struct{})
		hold := func() error { <-leave; return nil }
		one := netip.MustParsePrefix("192.0.2.0/24")
		for range maxOfNetwork {
			go h.do(t.Context(), strangers, one, hold)
			synctest.Wait()
		}
		var wait *TooMany
		for _, l := range []lane{strangers, guessers} {
			if err := h.do(t.Context(), l, one, hold); !errors.As(err, &wait) || wait.RetryAfter <= 0 {
				t.Errorf("lane %d: one more of a network: %v", l, err)
			}
		}
		go h.do(t.Context(), friends, one, hold)
		go h.do(t.Context(), strangers, netip.MustParsePrefix("198.51.100.0/24"), hold)
		synctest.Wait()
		if len(h.places[friends]) != 1 || len(h.places[strangers]) != maxOfNetwork+1 {
			t.Error("others have no place")
		}
		close(leave)
		synctest.Wait()
		if len(h.of) != 0 || len(h.places[strangers]) != 0 {
			t.Errorf("left: %v, %d", h.of, len(h.places[strangers]))
		}
	})
}
