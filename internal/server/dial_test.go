package server_test

import (
	"crypto/tls"
	"net"

	"timbre/internal/office"
)

func dialTLS(addr string, f office.Fingerprint) (*tls.Conn, error) {
	return tls.DialWithDialer(&net.Dialer{Timeout: limit}, "tcp", addr, f.ClientTLS())
}
