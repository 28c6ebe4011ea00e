//go:build !opus

package media

import (
	"runtime"
	"sync"

	"github.com/jj11hh/opus"
)

// OpusLibrary names what encodes and decodes Opus in this binary.
const OpusLibrary = "wasm"

// opusMachine is the one virtual machine that the library has for the whole process.
// It does one thing at a time, and what it has made once cannot be freed but by its
// finalizers, which do not wait for their turn: decoders and encoders that are not
// needed any more are kept for the next call instead.
var opusMachine struct {
	sync.Mutex
	decoders map[int][]*opus.Decoder // by rate; guarded by the mutex
	encoders map[int][]*opus.Encoder // likewise
}

// A wasmDecoder borrows a decoder of the machine.
type wasmDecoder struct{ d *opus.Decoder }

// A wasmEncoder borrows an encoder of the machine.
type wasmEncoder struct{ e *opus.Encoder }

func newOpusReader(rate int) (opusReader, error) {
	m := &opusMachine
	m.Lock()
	defer m.Unlock()
	var d *opus.Decoder
	if idle := m.decoders[rate]; len(idle) > 0 {
		d, m.decoders[rate] = idle[len(idle)-1], idle[:len(idle)-1]
	} else {
		var err error
		if d, err = opus.NewDecoder(rate, 1); err != nil {
			return nil, err
		}
		runtime.SetFinalizer(d, nil)
	}
	w := &wasmDecoder{d}
	runtime.AddCleanup(w, func(d *opus.Decoder) {
		m.Lock()
		defer m.Unlock()
		for range 100 { // whatever it has heard fades away
			_, _ = d.DecodePLC(make([]int16, rate/50))
		}
		if m.decoders == nil {
			m.decoders = map[int][]*opus.Decoder{}
		}
		m.decoders[rate] = append(m.decoders[rate], d)
	}, d)
	return w, nil
}

func newOpusWriter(rate int) (opusWriter, error) {
	m := &opusMachine
	m.Lock()
	defer m.Unlock()
	var e *opus.Encoder
	if idle := m.encoders[rate]; len(idle) > 0 {
		e, m.encoders[rate] = idle[len(idle)-1], idle[:len(idle)-1]
	} else {
		var err error
		if e, err = opus.NewEncoder(rate, 1, opus.AppVoIP); err != nil {
			return nil, err
		}
		runtime.SetFinalizer(e, nil)
	}
	if err := setOpus(e); err != nil {
		return nil, err
	}
	w := &wasmEncoder{e}
	runtime.AddCleanup(w, func(e *opus.Encoder) {
		m.Lock()
		defer m.Unlock()
		if e.Reset() != nil {
			return
		}
		if m.encoders == nil {
			m.encoders = map[int][]*opus.Encoder{}
		}
		m.encoders[rate] = append(m.encoders[rate], e)
	}, e)
	return w, nil
}

func (w *wasmDecoder) Decode(payload []byte, pcm []int16) (n int, err error) {
	opusMachine.Lock()
	defer opusMachine.Unlock()
	return w.d.Decode(payload, pcm)
}

func (w *wasmDecoder) DecodeFEC(next []byte, pcm []int16) error {
	opusMachine.Lock()
	defer opusMachine.Unlock()
	_, err := w.d.DecodeFEC(next, pcm)
	return err
}

func (w *wasmDecoder) DecodePLC(pcm []int16) error {
	opusMachine.Lock()
	defer opusMachine.Unlock()
	_, err := w.d.DecodePLC(pcm)
	return err
}

func (w *wasmEncoder) Encode(pcm []int16, payload []byte) (int, error) {
	opusMachine.Lock()
	defer opusMachine.Unlock()
	return w.e.Encode(pcm, payload)
}
