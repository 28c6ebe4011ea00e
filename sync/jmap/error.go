package jmap

import "fmt"

// A Problem refuses a whole request (RFC 8620 §3.6.1, RFC 7807). It is sent as
// ProblemType with its Status.
type Problem struct {
	Type   string `json:"type"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	Limit  string `json:"limit,omitempty"` // with LimitProblem: the name of the limit
}

// The types of a Problem.
const (
	UnknownCapability = "urn:ietf:params:jmap:error:unknownCapability"
	NotJSON           = "urn:ietf:params:jmap:error:notJSON"
	NotRequest        = "urn:ietf:params:jmap:error:notRequest"
	LimitProblem      = "urn:ietf:params:jmap:error:limit"
)

func (p *Problem) Error() string {
	return fmt.Sprintf("request refused: %s: %s%s", p.Type, p.Detail, p.Limit)
}

func problem(kind, detail string) *Problem {
	return &Problem{Type: kind, Status: 400, Detail: detail}
}

// TooLarge returns the Problem of a request that exceeds the named limit of
// Limits, such as "maxSizeRequest".
func TooLarge(limit string) *Problem {
	return &Problem{Type: LimitProblem, Status: 400, Limit: limit}
}

// A MethodError is the answer to one method call that failed
// (RFC 8620 §3.6.2); the other calls of the request are not touched by it.
type MethodError struct {
	Type        string `json:"type"`
	Description string `json:"description,omitempty"`
}

// The types of a MethodError.
const (
	ServerUnavailable      = "serverUnavailable"
	ServerFail             = "serverFail"
	ServerPartialFail      = "serverPartialFail" // some of what was to be done is done
	UnknownMethod          = "unknownMethod"
	InvalidArguments       = "invalidArguments"
	InvalidResultReference = "invalidResultReference"
	Forbidden              = "forbidden" // also of a SetError
	AccountNotFound        = "accountNotFound"
	FromAccountNotFound    = "fromAccountNotFound"
	RequestTooLarge        = "requestTooLarge"
	CannotCalculateChanges = "cannotCalculateChanges"
	StateMismatch          = "stateMismatch"
	AnchorNotFound         = "anchorNotFound"
	UnsupportedSort        = "unsupportedSort"
	UnsupportedFilter      = "unsupportedFilter"
)

func (e *MethodError) Error() string { return "method refused: " + e.Type + " " + e.Description }

// Invalid returns the MethodError invalidArguments with a text for developers.
func Invalid(description string) *MethodError {
	return &MethodError{Type: InvalidArguments, Description: description}
}

// A SetError says why one object of a /set was not created, updated or
// destroyed (RFC 8620 §5.3).
type SetError struct {
	Type        string   `json:"type"`
	Description string   `json:"description,omitempty"`
	Properties  []string `json:"properties,omitempty"` // with InvalidProperties
	ExistingID  ID       `json:"existingId,omitempty"` // with AlreadyExists: the object that is there
	NotFound    []ID     `json:"notFound,omitempty"`   // with BlobNotFound: the blobs that are not there (RFC 8621 §4.6)
}

// The types of a SetError, beside Forbidden.
const (
	RateLimit         = "rateLimit"
	TooBig            = "tooLarge"
	NotFound          = "notFound"
	InvalidPatch      = "invalidPatch"
	WillDestroy       = "willDestroy"
	InvalidProperties = "invalidProperties"
	IsSingleton       = "singleton" // there is always one such object
	AlreadyExists     = "alreadyExists"
	BlobNotFound      = "blobNotFound"
)

func (e *SetError) Error() string { return "change refused: " + e.Type + " " + e.Description }
