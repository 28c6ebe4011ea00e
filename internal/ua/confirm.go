package ua

import (
	"time"

	"github.com/emiago/sipgo/sip"
)

// ackTime is how long a 2xx waits for its ACK: 64 T1 (RFC 3261 §13.3.1.4).
const ackTime = 32 * time.Second

// confirmed sends res, a 2xx to INVITE, again until its ACK comes, and returns
// the ACK. It returns nil where none comes in time or the dialog ends.
func (l *Leg) confirmed(tx sip.ServerTransaction, res *sip.Response) *sip.Request {
	wait := sip.T1
	again := time.NewTimer(wait)
	defer again.Stop()
	limit := time.NewTimer(ackTime)
	defer limit.Stop()
	for {
		if ack := l.lastACK(); ack != nil && ack.CSeq().SeqNo == res.CSeq().SeqNo {
			return ack
		}
		select {
		case <-l.acks:
		case <-again.C:
			if tx.Respond(res) != nil && l.e.server.WriteResponse(res) != nil && l.way().network != "udp" {
				return nil // the connection is gone
			}
			wait = min(2*wait, sip.T2)
			again.Reset(wait)
		case <-limit.C:
			return nil
		case <-l.closed:
			return nil
		case <-l.e.dead.Done():
			return nil
		}
	}
}

// acknowledged takes the ACK of a 2xx.
func (l *Leg) acknowledged(req *sip.Request) {
	l.mu.Lock()
	if l.ack == nil || l.ack.CSeq().SeqNo < req.CSeq().SeqNo { // copies and stragglers displace nothing
		l.ack = req
	}
	l.mu.Unlock()
	select {
	case l.acks <- struct{}{}:
	default: // it wakes anyway
	}
}

// lastACK returns the ACK with the highest number that came, or nil.
func (l *Leg) lastACK() *sip.Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ack
}
