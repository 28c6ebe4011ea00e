package api

import (
	"net/http"
)

// An Admin administers an office over its admin socket, or, without a running
// server, on the office's data itself: both ways pass through the same
// handlers. Its errors wrap the sentinels of package office.
type Admin struct {
	client *http.Client
}
