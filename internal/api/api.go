// Package api is the HTTPS side of the companion server: login sessions and
// administration (OpenAPI 3.1), JMAP (RFC 8620) with blobs and the event
// source, health and metrics. It keeps nothing of its own: what it answers is
// read from the store, who asks is decided by auth. Calls are none of its
// business but for what the Switch interface asks. Its caller is server; it is
// the only importer of net/http on the server.
package api
