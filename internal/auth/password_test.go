package auth

import (
	"testing"
	"testing/synctest"
)

// Sixteen strangers who wait must not make somebody who is known wait for
// sixteen hashes.
func TestWhoIsKnownWaitsForOneStrangerAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher()
		inside, leave := make(chan string), make(chan struct{})
		enter := func(who string, known bool) {
			go h.do(t.Context(), known, func() error {
				inside <- who
				<-leave
				return nil
			})
		}
		for range maxQueue {
			enter("stranger", false)
			synctest.Wait()
		}
		enter("friend", true)
		synctest.Wait()
		var order []string
		for range maxQueue + 1 {
			order = append(order, <-inside)
			leave <- struct{}{}
			synctest.Wait()
		}
		if order[1] != "friend" {
			t.Errorf("they came in the order %q", order)
		}
	})
}
