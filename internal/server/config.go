package server

import (
	"log/slog"

	"timbre/internal/office"
)

// A Config says where a server keeps its data and where it listens. Only Data
// is required; an empty address is one that is not listened on, so that most
// callers start from Default.
type Config struct {
	Data  string // folder, made if missing, locked while the server runs
	DB    string // DSN of PostgreSQL; empty: SQLite in Data
	HTTPS string // host:port; port 0 lets the kernel choose
	SIP   string // host:port, UDP and TCP on the same port
	SIPS  string // host:port, SIP over TLS

	Domain        string // name in SIP addresses; empty: the public address, else the host's own
	PublicAddress string // host name or IP that peers outside the local networks reach; empty: none
	RTPMin        int    // range of UDP ports for sound; both 0: the kernel chooses
	RTPMax        int

	Cert, Key string // PEM files of a certificate to present instead of the office's own
	Sounds    string // folder of spoken prompts; empty: the system's
	ReadyFile string // written when all listeners are up; empty: none

	Log     *slog.Logger // nil: nothing is logged
	OnReady func(Ready)  // called once when all listeners are up; nil: nobody asks
}

// Default returns the Config of `timbred serve` without flags.
func Default() Config {
	return Config{
		Data: "/var/lib/timbred", HTTPS: ":8443", SIP: ":5060", SIPS: ":5061",
		RTPMin: 20000, RTPMax: 20999,
	}
}

// Ready says where a running server can be reached from its own machine. It is
// the content of the ready file. A listener that was not asked for is empty.
type Ready struct {
	HTTPS       string             `json:"https"` // URL, such as "https://127.0.0.1:8443"
	SIP         string             `json:"sip"`   // host:port
	SIPS        string             `json:"sips"`  // host:port
	Fingerprint office.Fingerprint `json:"fingerprint"`
}
