package jmap

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// A Session tells a client what the server can do for it and where
// (RFC 8620 §2).
type Session struct {
	Capabilities    map[string]json.RawMessage `json:"capabilities"`
	Accounts        map[ID]Account             `json:"accounts"`
	PrimaryAccounts map[string]ID              `json:"primaryAccounts"` // by capability
	Username        string                     `json:"username"`
	APIURL          string                     `json:"apiUrl"`
	DownloadURL     string                     `json:"downloadUrl"`    // template: accountId, blobId, name, type
	UploadURL       string                     `json:"uploadUrl"`      // template: accountId
	EventSourceURL  string                     `json:"eventSourceUrl"` // template: types, closeafter, ping
	State           string                     `json:"state"`
}

// An Account is one collection of data that the user may reach.
type Account struct {
	Name         string                     `json:"name"`
	IsPersonal   bool                       `json:"isPersonal"`
	IsReadOnly   bool                       `json:"isReadOnly"`
	Capabilities map[string]json.RawMessage `json:"accountCapabilities"`
}

// Limits is the object of the Core capability: what a server takes at most,
// sizes in octets. The zero value of a limit allows nothing; see DefaultLimits.
type Limits struct {
	MaxSizeUpload         int64    `json:"maxSizeUpload"`
	MaxConcurrentUpload   int      `json:"maxConcurrentUpload"`
	MaxSizeRequest        int64    `json:"maxSizeRequest"`
	MaxConcurrentRequests int      `json:"maxConcurrentRequests"`
	MaxCallsInRequest     int      `json:"maxCallsInRequest"`
	MaxObjectsInGet       int      `json:"maxObjectsInGet"`
	MaxObjectsInSet       int      `json:"maxObjectsInSet"`
	CollationAlgorithms   []string `json:"collationAlgorithms"`
}

// DefaultLimits are those of a small office. The number of objects is the least
// that RFC 8620 §2 suggests; of calls there may be as many as one sync of all
// types makes. Requests carry no content and are small.
var DefaultLimits = Limits{
	MaxSizeUpload:         20 << 20,
	MaxConcurrentUpload:   4,
	MaxSizeRequest:        1 << 20,
	MaxConcurrentRequests: 4,
	MaxCallsInRequest:     32,
	MaxObjectsInGet:       500,
	MaxObjectsInSet:       500,
	CollationAlgorithms:   []string{},
}

// Limits returns what the session's Core capability allows, with DefaultLimits
// for what it does not say.
func (s *Session) Limits() Limits {
	l := DefaultLimits
	var said Limits
	if json.Unmarshal(s.Capabilities[Core], &said) != nil {
		return l
	}
	if said.MaxCallsInRequest > 0 {
		l.MaxCallsInRequest = said.MaxCallsInRequest
	}
	if said.MaxObjectsInGet > 0 {
		l.MaxObjectsInGet = said.MaxObjectsInGet
	}
	if said.MaxObjectsInSet > 0 {
		l.MaxObjectsInSet = said.MaxObjectsInSet
	}
	if said.MaxSizeRequest > 0 {
		l.MaxSizeRequest = said.MaxSizeRequest
	}
	if said.MaxSizeUpload > 0 {
		l.MaxSizeUpload = said.MaxSizeUpload
	}
	return l
}

// Expand fills a URL template of the session object (RFC 6570 level 1). Values
// are escaped so that they cannot leave their place. A variable of the template
// that is not in vars is an error.
func Expand(template string, vars map[string]string) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(template, "{")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, after, closed := strings.Cut(rest, "}")
		value, known := vars[name]
		if !closed || !known {
			return "", fmt.Errorf("expanding a URL template: no value for %.40q", name)
		}
		b.WriteString(strings.ReplaceAll(url.QueryEscape(value), "+", "%20"))
		template = after
	}
}
