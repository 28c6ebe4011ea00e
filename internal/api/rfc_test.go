package api_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"timbre/sync/jmap"
)

// TestMethodsByTheBook goes through RFC 8620 section by section: what a method
// answers, or the error with which it is refused. In a call, ME is the account,
// OTHER somebody else's, NEW and OLD are two messages of mine, STATE is that of
// Voicemail.
func TestMethodsByTheBook(t *testing.T) {
	h := open(t)
	s := h.login("101")
	me, other := h.account("101"), h.account("102")
	old, recent := h.leave("101", 1, "old"), h.leave("101", 2, "new")
	foreign := h.leave("102", 3, "foreign")
	h.log("101", 1)
	state := must[jmap.GetResponse](t)(ask[jmap.GetResponse](h, s.Token, "Voicemail/get", jmap.GetArgs{AccountID: jmap.ID(me), IDs: []jmap.ID{}})).State
	many := func(n int) string { return `["` + strings.Repeat(`x","`, n-1) + `x"]` }
	replace := strings.NewReplacer("ME", string(me), "OTHER", string(other), "NEW", string(recent.ID), "OLD", string(old.ID), "FOREIGN", string(foreign.ID),
		"BLOB", string(old.BlobID), "THEIRS", string(foreign.BlobID), "STATE", state, "MANY", many(501), "MOST", many(500))
	const using = `"urn:ietf:params:jmap:core","urn:timbre:jmap:office"`
	tests := []struct {
		section, calls string
		want           string // the type of the error that is the last answer, or some members of the answer
	}{
		// What a request is.
		{"3.3", `["Core/echo",{"hello":true,"n":1e300},"a"]`, `"hello":true`},
		{"3.6.2", `["Voicemail/gets",{"accountId":"ME"},"a"]`, jmap.UnknownMethod},
		{"3.6.2", `["voicemail/get",{"accountId":"ME"},"a"]`, jmap.UnknownMethod},
		{"3.6.2", `["",{},"a"]`, jmap.UnknownMethod},
		{"3.6.2", `["Voicemail/get",{"accountId":"OTHER"},"a"]`, jmap.AccountNotFound},
		{"3.6.2", `["Voicemail/get",{"accountId":"` + strings.Repeat("x", 9999) + `"},"a"]`, jmap.AccountNotFound},
		{"3.6.2", `["Voicemail/get",{"accountId":null},"a"]`, jmap.InvalidArguments},
		{"3.6.2", `["Voicemail/get",{"accountId":["ME"]},"a"]`, jmap.InvalidArguments},
		{"3.6.2", `["Voicemail/get",{"accountid":"ME"},"a"]`, jmap.InvalidArguments},

		// References to earlier answers.
		{"3.7", `["Voicemail/query",{"accountId":"ME"},"a"],["Voicemail/get",{"accountId":"ME","#ids":{"resultOf":"a","name":"Voicemail/query","path":"/ids"},"properties":[]},"b"]`, `"list":[{"id":"NEW"},{"id":"OLD"}]`},
		{"3.7", `["Voicemail/get",{"accountId":"ME"},"a"],["Voicemail/get",{"accountId":"ME","#ids":{"resultOf":"a","name":"Voicemail/get","path":"/list/*/id"},"properties":[]},"b"]`, `"notFound":[]`},
		{"3.7", `["Voicemail/get",{"accountId":"ME"},"a"],["Voicemail/get",{"accountId":"ME","#ids":{"resultOf":"a","name":"Voicemail/get","path":"/list/0/id"}},"b"]`, jmap.InvalidArguments},
		{"3.7", `["Voicemail/get",{"accountId":"ME","#ids":{"resultOf":"b","name":"Voicemail/query","path":"/ids"}},"b"]`, jmap.InvalidResultReference},
		{"3.7", `["Voicemail/query",{"accountId":"ME"},"a"],["Voicemail/get",{"accountId":"ME","#ids":{"resultOf":"a","name":"Voicemail/get","path":"/ids"}},"b"]`, jmap.InvalidResultReference},
		{"3.7", `["Voicemail/query",{"accountId":"ME"},"a"],["Voicemail/get",{"accountId":"ME","#ids":{"resultOf":"a","name":"Voicemail/query","path":"/nothing"}},"b"]`, jmap.InvalidResultReference},
		{"3.7", `["Voicemail/query",{},"a"],["Voicemail/get",{"accountId":"ME","#ids":{"resultOf":"a","name":"Voicemail/query","path":"/ids"}},"b"]`, jmap.InvalidResultReference},
		{"3.7", `["Voicemail/query",{"accountId":"ME"},"a"],["Voicemail/get",{"accountId":"ME","ids":[],"#ids":{"resultOf":"a","name":"Voicemail/query","path":"/ids"}},"b"]`, jmap.InvalidArguments},
		{"3.7", `["Voicemail/get",{"accountId":"ME","#ids":7},"b"]`, jmap.InvalidResultReference},

		// get
		{"5.1", `["Voicemail/get",{"accountId":"ME","ids":null,"properties":["isNew"]},"a"]`, `"list":[{"id":"NEW","isNew":true},{"id":"OLD","isNew":true}]`},
		{"5.1", `["Voicemail/get",{"accountId":"ME","ids":[]},"a"]`, `"list":[],"notFound":[]`},
		{"5.1", `["Voicemail/get",{"accountId":"ME","ids":["OLD","OLD","x","x"],"properties":["id"]},"a"]`, `"list":[{"id":"OLD"}],"notFound":["x"]`},
		{"5.1", `["Voicemail/get",{"accountId":"ME","ids":["FOREIGN"]},"a"]`, `"list":[],"notFound":["FOREIGN"]`},
		{"5.1", `["Voicemail/get",{"accountId":"ME","ids":["OLD"],"properties":["colour"]},"a"]`, jmap.InvalidArguments},
		{"5.1", `["Voicemail/get",{"accountId":"ME","ids":[],"properties":["colour"]},"a"]`, jmap.InvalidArguments},
		{"5.1", `["Voicemail/get",{"accountId":"ME","ids":[7]},"a"]`, jmap.InvalidArguments},
		{"5.1", `["Voicemail/get",{"accountId":"ME","ids":MANY},"a"]`, jmap.RequestTooLarge},
		{"5.1", `["Voicemail/get",{"accountId":"ME","ids":MOST},"a"]`, `"notFound":["x"]`},
		{"5.1", `["Profile/get",{"accountId":"ME","ids":["singleton","x"],"properties":["extension"]},"a"]`, `"list":[{"extension":"101","id":"singleton"}],"notFound":["x"]`},

		// changes
		{"5.2", `["Voicemail/changes",{"accountId":"ME","sinceState":"STATE"},"a"]`, `"newState":"STATE","hasMoreChanges":false,"created":[],"updated":[],"destroyed":[]`},
		{"5.2", `["Voicemail/changes",{"accountId":"ME","sinceState":""},"a"]`, jmap.InvalidArguments},
		{"5.2", `["Voicemail/changes",{"accountId":"ME","sinceState":7},"a"]`, jmap.InvalidArguments},
		{"5.2", `["Voicemail/changes",{"accountId":"ME","sinceState":"STATE","maxChanges":0},"a"]`, jmap.InvalidArguments},
		{"5.2", `["Voicemail/changes",{"accountId":"ME","sinceState":"STATE","maxChanges":-1},"a"]`, jmap.InvalidArguments},
		{"5.2", `["Voicemail/changes",{"accountId":"ME","sinceState":"STATE","maxChanges":1.5},"a"]`, jmap.InvalidArguments},
		{"5.2", `["Voicemail/changes",{"accountId":"ME","sinceState":"STATE9999999999999999999"},"a"]`, jmap.CannotCalculateChanges},

		// set: what is refused changes nothing
		{"5.3", `["Voicemail/set",{"accountId":"ME"},"a"]`, `"oldState":"STATE","newState":"STATE","created":null,"updated":null,"destroyed":null,"notCreated":null,"notUpdated":null,"notDestroyed":null`},
		{"5.3", `["Voicemail/set",{"accountId":"ME","ifInState":"STATE","update":null,"destroy":null,"create":null},"a"]`, `"newState":"STATE"`},
		{"5.3", `["Voicemail/set",{"accountId":"ME","ifInState":"x","destroy":["OLD"]},"a"]`, jmap.StateMismatch},
		{"5.3", `["Voicemail/set",{"accountId":"ME","ifInState":"","destroy":["OLD"]},"a"]`, jmap.StateMismatch},
		{"5.3", `["Voicemail/set",{"accountId":"ME","destroy":MANY},"a"]`, jmap.RequestTooLarge},
		{"5.3", `["Voicemail/set",{"accountId":"ME","destroy":MOST,"update":{"OLD":{"isNew":false}}},"a"]`, jmap.RequestTooLarge},
		{"5.3", `["Voicemail/set",{"accountId":"ME","update":[]},"a"]`, jmap.InvalidArguments},
		{"5.3", `["Voicemail/set",{"accountId":"ME","update":{"OLD":7}},"a"]`, jmap.InvalidArguments},
		{"5.3", `["Voicemail/set",{"accountId":"ME","update":{"OLD":null}},"a"]`, `"notUpdated":{"OLD":{"type":"invalidPatch","description":"null is no patch"}}`},
		{"5.3", `["Voicemail/set",{"accountId":"ME","update":{"FOREIGN":{"isNew":false}},"destroy":["x"]},"a"]`, `"notUpdated":{"FOREIGN":{"type":"notFound"}},"notDestroyed":{"x":{"type":"notFound"}}`},
		{"5.3", `["Voicemail/set",{"accountId":"ME","destroy":["FOREIGN"]},"a"]`, `"notDestroyed":{"FOREIGN":{"type":"notFound"}}`},
		{"5.3", `["Voicemail/set",{"accountId":"ME","destroy":["#k"]},"a"]`, `"notDestroyed":{"#k":{"type":"notFound"}}`},
		{"5.3", `["Profile/set",{"accountId":"ME","create":{"k":{}},"destroy":["singleton"],"update":{"x":{}}},"a"]`, `"notCreated":{"k":{"type":"singleton"}},"notUpdated":{"x":{"type":"notFound"}},"notDestroyed":{"singleton":{"type":"singleton"}}`},
		{"5.3", `["Profile/set",{"accountId":"ME","update":{"singleton":null}},"a"]`, `"notUpdated":{"singleton":{"type":"invalidPatch","description":"null is no patch"}}`},

		// copy: there is but one account
		{"5.4", `["Voicemail/copy",{"fromAccountId":"ME","accountId":"OTHER","create":{}},"a"]`, jmap.UnknownMethod},

		// query
		{"5.5", `["Voicemail/query",{"accountId":"ME","filter":null,"sort":null,"limit":null,"anchor":null},"a"]`, `"ids":["NEW","OLD"],"limit":500`},
		{"5.5", `["Voicemail/query",{"accountId":"ME","sort":[{"property":"receivedAt","isAscending":false,"collation":"i;octet"}],"limit":2},"a"]`, `"position":0,"ids":["NEW","OLD"]`},
		{"5.5", `["Voicemail/query",{"accountId":"ME","calculateTotal":true,"limit":1,"position":-1},"a"]`, `"position":1,"ids":["OLD"],"total":2`},
		{"5.5", `["Voicemail/query",{"accountId":"ME","limit":9999},"a"]`, `"limit":500`},
		{"5.5", `["Voicemail/query",{"accountId":"ME","limit":0},"a"]`, `"ids":[]`},
		{"5.5", `["Voicemail/query",{"accountId":"ME","limit":-1},"a"]`, jmap.InvalidArguments},
		{"5.5", `["Voicemail/query",{"accountId":"ME","position":"first"},"a"]`, jmap.InvalidArguments},
		{"5.5", `["Voicemail/query",{"accountId":"ME","position":9223372036854775807,"limit":1},"a"]`, `"ids":[]`},
		{"5.5", `["Voicemail/query",{"accountId":"ME","position":1e30},"a"]`, jmap.InvalidArguments},
		{"5.5", `["Voicemail/query",{"accountId":"ME","anchor":"OLD","anchorOffset":-1,"position":7,"limit":1},"a"]`, `"position":0,"ids":["NEW"]`},
		{"5.5", `["Voicemail/query",{"accountId":"ME","anchorOffset":1,"limit":1},"a"]`, `"position":0,"ids":["NEW"]`},
		{"5.5", `["Voicemail/query",{"accountId":"ME","anchor":"FOREIGN"},"a"]`, jmap.AnchorNotFound},
		{"5.5", `["Voicemail/query",{"accountId":"ME","anchor":"OLD","filter":{"after":"2026-03-01T12:00:02Z"}},"a"]`, jmap.AnchorNotFound},
		{"5.5", `["Voicemail/query",{"accountId":"ME","sort":[{"property":"receivedAt"}]},"a"]`, jmap.UnsupportedSort},
		{"5.5", `["Voicemail/query",{"accountId":"ME","sort":[{"isAscending":false}]},"a"]`, jmap.UnsupportedSort},
		{"5.5", `["Voicemail/query",{"accountId":"ME","sort":"receivedAt"},"a"]`, jmap.InvalidArguments},
		{"5.5", `["Voicemail/query",{"accountId":"ME","filter":{"operator":"OR","conditions":[{}]}},"a"]`, jmap.UnsupportedFilter},
		{"5.5", `["Voicemail/query",{"accountId":"ME","filter":7},"a"]`, jmap.InvalidArguments},

		// queryChanges
		{"5.6", `["Voicemail/queryChanges",{"accountId":"ME","sinceQueryState":"STATE"},"a"]`, jmap.CannotCalculateChanges},
		{"5.6", `["Voicemail/queryChanges",{"accountId":"ME"},"a"]`, jmap.InvalidArguments},

		// Blob/copy
		{"6.3", `["Blob/copy",{"fromAccountId":"ME","accountId":"ME","blobIds":["BLOB","THEIRS","../x"]},"a"]`, `"copied":{"BLOB":"BLOB"},"notCopied":{"../x":{"type":"notFound"},"THEIRS":{"type":"notFound"}}`},
		{"6.3", `["Blob/copy",{"fromAccountId":"ME","accountId":"ME","blobIds":[]},"a"]`, `"copied":null,"notCopied":null`},
		{"6.3", `["Blob/copy",{"fromAccountId":"OTHER","accountId":"ME","blobIds":["THEIRS"]},"a"]`, jmap.FromAccountNotFound},
		{"6.3", `["Blob/copy",{"fromAccountId":"ME","accountId":"OTHER","blobIds":["BLOB"]},"a"]`, jmap.AccountNotFound},
		{"6.3", `["Blob/copy",{"accountId":"ME","blobIds":["BLOB"]},"a"]`, jmap.InvalidArguments},
		{"6.3", `["Blob/copy",{"fromAccountId":"ME","accountId":"ME","blobIds":MANY},"a"]`, jmap.RequestTooLarge},

		// Push to URLs of the client's choice is not offered.
		{"7.2", `["PushSubscription/get",{"ids":null},"a"]`, jmap.UnknownMethod},
	}
	for _, tt := range tests {
		calls, want := replace.Replace(tt.calls), replace.Replace(tt.want)
		res := into[jmap.Response](t, h.do("POST", "/jmap/api", s.Token, `{"using":[`+using+`],"methodCalls":[`+calls+`]}`), http.StatusOK)
		last := res.Answers[len(res.Answers)-1]
		if strings.HasPrefix(want, `"`) {
			var got, members map[string]any
			if err := errors.Join(json.Unmarshal([]byte("{"+want+"}"), &members), json.Unmarshal(last.Args, &got)); err != nil {
				t.Fatalf("%s: %v", want, err)
			}
			for name, value := range members {
				if has, there := got[name]; last.Name == "error" || !there || !reflect.DeepEqual(has, value) {
					t.Errorf("§%s %.200s: %s %.300s, want %s", tt.section, calls, last.Name, last.Args, want)
				}
			}
			continue
		}
		var refused jmap.MethodError
		if err := json.Unmarshal(last.Args, &refused); err != nil || last.Name != "error" || refused.Type != want {
			t.Errorf("§%s %.200s: %s %.300s, want %s", tt.section, calls, last.Name, last.Args, want)
		}
	}
	now := must[jmap.GetResponse](t)(ask[jmap.GetResponse](h, s.Token, "Voicemail/get", jmap.GetArgs{AccountID: jmap.ID(me)}))
	if now.State != state || len(now.List) != 2 {
		t.Errorf("%+v: something of it changed something", now)
	}
}
