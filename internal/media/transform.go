package media

import (
	"math"
	"math/bits"
)

// A transform turns frames of n real samples into spectra of n/2+1 bins and back. n
// is a power of two, or five times one. It is used by one goroutine and does not
// allocate.
type transform struct {
	n       int
	radices []int
	turns   []complex128 // the n/2 roots of one
	half    []complex128 // turns by half as much: for the way from n/2 complex to n real
	a, b    []complex128
}

func newTransform(n int) *transform {
	m := n / 2
	t := &transform{n: n, turns: make([]complex128, m), half: make([]complex128, m+1), a: make([]complex128, m), b: make([]complex128, m)}
	for i := range t.turns {
		sin, cos := math.Sincos(-2 * math.Pi * float64(i) / float64(m))
		t.turns[i] = complex(cos, sin)
	}
	for i := range t.half {
		sin, cos := math.Sincos(-2 * math.Pi * float64(i) / float64(n))
		t.half[i] = complex(cos, sin)
	}
	if m%5 == 0 {
		t.radices = append(t.radices, 5)
		m /= 5
	}
	for p := bits.TrailingZeros(uint(m)); p > 0; p -= 2 {
		t.radices = append(t.radices, 1<<min(p, 2))
	}
	return t
}

// forward puts the spectrum of frame into dst.
func (t *transform) forward(dst []complex128, frame []float64) {
	m := t.n / 2
	for i := range t.a {
		t.a[i] = complex(frame[2*i], frame[2*i+1])
	}
	t.complex()
	for i := range m + 1 {
		z, w := t.a[i%m], t.a[(m-i)%m]
		even := complex(real(z)+real(w), imag(z)-imag(w))
		odd := complex(imag(z)+imag(w), real(w)-real(z))
		dst[i] = 0.5 * (even + t.half[i]*odd)
	}
}

// inverse puts the frame whose spectrum is src into frame.
func (t *transform) inverse(frame []float64, src []complex128) {
	m := t.n / 2
	scale := 1 / float64(t.n)
	for i := range m {
		z, w := src[i], src[m-i]
		even := complex(real(z)+real(w), imag(z)-imag(w))
		h := t.half[i]
		odd := complex(real(z)-real(w), imag(z)+imag(w)) * complex(real(h), -imag(h))
		// conjugated, so that the same transform serves
		t.a[i] = complex(real(even)-imag(odd), -imag(even)-real(odd))
	}
	t.complex()
	for i, v := range t.a {
		frame[2*i], frame[2*i+1] = real(v)*scale, -imag(v)*scale
	}
}

// complex transforms a, by Stockham's algorithm.
func (t *transform) complex() {
	m := len(t.a)
	n, s := m, 1 // length and number of the transforms that are still to do
	for _, r := range t.radices {
		n /= r
		t.pass(r, n, s)
		t.a, t.b = t.b, t.a
		s *= r
	}
}

func (t *transform) pass(r, n, s int) {
	a, b := t.a, t.b
	for p := range n {
		switch r {
		case 2:
			w := t.turns[p*s]
			for q := range s {
				x, y := a[q+s*p], a[q+s*(p+n)]
				b[q+s*2*p], b[q+s*(2*p+1)] = x+y, (x-y)*w
			}
		case 4:
			w1, w2, w3 := t.turns[p*s], t.turns[2*p*s], t.turns[3*p*s]
			for q := range s {
				x0, x1, x2, x3 := a[q+s*p], a[q+s*(p+n)], a[q+s*(p+2*n)], a[q+s*(p+3*n)]
				u, v := x0+x2, x0-x2
				y, z := x1+x3, x1-x3
				z = complex(imag(z), -real(z)) // by -i
				i := q + s*4*p
				b[i], b[i+s], b[i+2*s], b[i+3*s] = u+y, (v+z)*w1, (u-y)*w2, (v-z)*w3
			}
		case 5:
			const c1, s1, c2, s2 = 0.30901699437494742, 0.95105651629515357, -0.80901699437494742, 0.58778525229247313
			w1, w2, w3, w4 := t.turns[p*s], t.turns[2*p*s], t.turns[3*p*s], t.turns[4*p*s]
			for q := range s {
				x0 := a[q+s*p]
				x1, x2, x3, x4 := a[q+s*(p+n)], a[q+s*(p+2*n)], a[q+s*(p+3*n)], a[q+s*(p+4*n)]
				u1, v1, u2, v2 := x1+x4, x1-x4, x2+x3, x2-x3
				e1, e2 := x0+c1*u1+c2*u2, x0+c2*u1+c1*u2
				d1, d2 := s1*v1+s2*v2, s2*v1-s1*v2
				d1, d2 = complex(imag(d1), -real(d1)), complex(imag(d2), -real(d2))
				i := q + s*5*p
				b[i], b[i+s], b[i+2*s], b[i+3*s], b[i+4*s] = x0+u1+u2, (e1+d1)*w1, (e2+d2)*w2, (e2-d2)*w3, (e1-d1)*w4
			}
		}
	}
}
