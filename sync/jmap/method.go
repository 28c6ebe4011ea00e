package jmap

import (
	"encoding/json"
)

// GetArgs are the arguments of Foo/get (RFC 8620 §5.1). Nil IDs ask for all
// objects, nil Properties for all properties.
type GetArgs struct {
	AccountID  ID               `json:"accountId"`
	IDs        []ID             `json:"ids,omitzero"`
	IDsOf      *ResultReference `json:"#ids,omitempty"` // instead of IDs; only in what a client sends
	Properties []string         `json:"properties,omitzero"`
}

// Check returns requestTooLarge where more objects are named than limits allow.
func (a *GetArgs) Check(limits Limits) *MethodError {
	if len(a.IDs) > limits.MaxObjectsInGet {
		return &MethodError{Type: RequestTooLarge}
	}
	return nil
}

// A GetResponse answers Foo/get.
type GetResponse struct {
	AccountID ID                `json:"accountId"`
	State     string            `json:"state"`
	List      []json.RawMessage `json:"list"`
	NotFound  []ID              `json:"notFound"`
}

// Pick returns the object with the named properties and its id alone; nil
// properties keep all. A property that the object does not have is
// invalidArguments (RFC 8620 §5.1).
func Pick(object json.RawMessage, properties []string) (json.RawMessage, *MethodError) {
	if properties == nil {
		return object, nil
	}
	var all map[string]json.RawMessage
	if json.Unmarshal(object, &all) != nil {
		return nil, &MethodError{Type: ServerFail}
	}
	picked := map[string]json.RawMessage{"id": all["id"]}
	for _, p := range properties {
		value, has := all[p]
		if !has {
			return nil, Invalid("there is no such property")
		}
		picked[p] = value
	}
	raw, err := json.Marshal(picked)
	if err != nil {
		return nil, &MethodError{Type: ServerFail}
	}
	return raw, nil
}

// ChangesArgs are the arguments of Foo/changes (RFC 8620 §5.2). A zero
// MaxChanges leaves the number to the server.
type ChangesArgs struct {
	AccountID  ID     `json:"accountId"`
	SinceState string `json:"sinceState"`
	MaxChanges *int   `json:"maxChanges,omitempty"`
}

// Check returns invalidArguments for a missing state or a number below one.
func (a *ChangesArgs) Check() *MethodError {
	if a.SinceState == "" {
		return Invalid("sinceState is missing")
	}
	if a.MaxChanges != nil && *a.MaxChanges < 1 {
		return Invalid("maxChanges must be positive")
	}
	return nil
}

// A ChangesResponse answers Foo/changes.
type ChangesResponse struct {
	AccountID      ID     `json:"accountId"`
	OldState       string `json:"oldState"`
	NewState       string `json:"newState"`
	HasMoreChanges bool   `json:"hasMoreChanges"`
	Created        []ID   `json:"created"`
	Updated        []ID   `json:"updated"`
	Destroyed      []ID   `json:"destroyed"`
}

// QueryArgs are the arguments of Foo/query (RFC 8620 §5.5). The filter is the
// product's.
type QueryArgs struct {
	AccountID      ID              `json:"accountId"`
	Filter         json.RawMessage `json:"filter,omitzero"`
	Sort           []Comparator    `json:"sort,omitzero"`
	Position       int             `json:"position,omitempty"`
	Anchor         *ID             `json:"anchor,omitempty"`
	AnchorOffset   int             `json:"anchorOffset,omitempty"`
	Limit          *int            `json:"limit,omitempty"`
	CalculateTotal bool            `json:"calculateTotal,omitempty"`
}

// Check returns invalidArguments for a negative limit.
func (a *QueryArgs) Check() *MethodError {
	if a.Limit != nil && *a.Limit < 0 {
		return Invalid("limit must not be negative")
	}
	return nil
}

// A Comparator orders a query by one property; a nil IsAscending means true.
type Comparator struct {
	Property    string `json:"property"`
	IsAscending *bool  `json:"isAscending,omitempty"`
	Collation   string `json:"collation,omitempty"`
}

// QueryChangesArgs are the arguments of Foo/queryChanges (RFC 8620 §5.6).
type QueryChangesArgs struct {
	AccountID       ID              `json:"accountId"`
	Filter          json.RawMessage `json:"filter,omitzero"`
	Sort            []Comparator    `json:"sort,omitzero"`
	SinceQueryState string          `json:"sinceQueryState"`
	MaxChanges      *int            `json:"maxChanges,omitempty"`
	UpToID          *ID             `json:"upToId,omitempty"`
	CalculateTotal  bool            `json:"calculateTotal,omitempty"`
}

// Check returns invalidArguments for a missing state or a number below one.
func (a *QueryChangesArgs) Check() *MethodError {
	c := ChangesArgs{SinceState: a.SinceQueryState, MaxChanges: a.MaxChanges}
	return c.Check()
}

// CopyBlobsArgs are the arguments of Blob/copy (RFC 8620 §6.3).
type CopyBlobsArgs struct {
	FromAccountID ID   `json:"fromAccountId"`
	AccountID     ID   `json:"accountId"`
	BlobIDs       []ID `json:"blobIds"`
}

// A CopyBlobsResponse answers Blob/copy; what is empty is nil.
type CopyBlobsResponse struct {
	FromAccountID ID              `json:"fromAccountId"`
	AccountID     ID              `json:"accountId"`
	Copied        map[ID]ID       `json:"copied"`
	NotCopied     map[ID]SetError `json:"notCopied"`
}

// A QueryResponse answers Foo/query. Total is nil unless it was asked for,
// Limit unless the server set a lower one than asked.
type QueryResponse struct {
	AccountID           ID     `json:"accountId"`
	QueryState          string `json:"queryState"`
	CanCalculateChanges bool   `json:"canCalculateChanges"`
	Position            int    `json:"position"`
	IDs                 []ID   `json:"ids"`
	Total               *int   `json:"total,omitempty"`
	Limit               *int   `json:"limit,omitempty"`
}

// SetArgs are the arguments of Foo/set (RFC 8620 §5.3).
type SetArgs struct {
	AccountID ID                     `json:"accountId"`
	IfInState *string                `json:"ifInState,omitempty"`
	Create    map[ID]json.RawMessage `json:"create,omitempty"`
	Update    map[ID]Patch           `json:"update,omitempty"`
	Destroy   []ID                   `json:"destroy,omitempty"`
}

// Check returns requestTooLarge where more objects are touched than limits allow.
func (a *SetArgs) Check(limits Limits) *MethodError {
	if len(a.Create)+len(a.Update)+len(a.Destroy) > limits.MaxObjectsInSet {
		return &MethodError{Type: RequestTooLarge}
	}
	return nil
}

// A SetResponse answers Foo/set. The value of an updated object is null unless
// the server changed more than it was told to.
type SetResponse struct {
	AccountID    ID                     `json:"accountId"`
	OldState     KnownState             `json:"oldState"`
	NewState     string                 `json:"newState"`
	Created      map[ID]json.RawMessage `json:"created"`
	Updated      map[ID]json.RawMessage `json:"updated"`
	Destroyed    []ID                   `json:"destroyed"`
	NotCreated   map[ID]SetError        `json:"notCreated"`
	NotUpdated   map[ID]SetError        `json:"notUpdated"`
	NotDestroyed map[ID]SetError        `json:"notDestroyed"`
}

// A KnownState is a state string that the server may not know. It is empty then,
// and travels as null.
type KnownState string

// MarshalJSON writes a string or null.
func (s KnownState) MarshalJSON() ([]byte, error) {
	if s == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(s))
}

// Trim makes what is empty nil, which travels as null.
func (r *SetResponse) Trim() {
	for _, m := range []*map[ID]json.RawMessage{&r.Created, &r.Updated} {
		if len(*m) == 0 {
			*m = nil
		}
	}
	for _, m := range []*map[ID]SetError{&r.NotCreated, &r.NotUpdated, &r.NotDestroyed} {
		if len(*m) == 0 {
			*m = nil
		}
	}
	if len(r.Destroyed) == 0 {
		r.Destroyed = nil
	}
}

// An UploadResponse answers an upload (RFC 8620 §6.1). Type is what the client
// said that the content is, Size its octets.
type UploadResponse struct {
	AccountID ID     `json:"accountId"`
	BlobID    ID     `json:"blobId"`
	Type      string `json:"type"`
	Size      int64  `json:"size"`
}
