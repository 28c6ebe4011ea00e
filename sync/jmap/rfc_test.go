package jmap

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"
	"testing"
)

// A shape is a type of the wire with a text that has all of its members, as RFC
// 8620 shows them.
type shape struct {
	section, text string
	read          func([]byte) (any, error)
}

// of reads a text into a new T, in which every member must have its place.
func of[T any](text []byte) (any, error) {
	v := new(T)
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return v, d.Decode(v)
}

var shapes = []shape{
	{"2", `{"capabilities":{"urn:ietf:params:jmap:core":{"maxSizeUpload":50000000},"https://example.com/apis/voice":{"maxBoxes":42}},
		"accounts":{"A1":{"name":"ana@example.com","isPersonal":true,"isReadOnly":false,"accountCapabilities":{"https://example.com/apis/voice":{}}}},
		"primaryAccounts":{"https://example.com/apis/voice":"A1"},"username":"ana@example.com","apiUrl":"https://example.com/api/",
		"downloadUrl":"https://example.com/d/{accountId}/{blobId}/{name}?accept={type}","uploadUrl":"https://example.com/u/{accountId}/",
		"eventSourceUrl":"https://example.com/e/?types={types}&closeafter={closeafter}&ping={ping}","state":"75128aab"}`, of[Session]},
	{"2, core", `{"maxSizeUpload":50000000,"maxConcurrentUpload":8,"maxSizeRequest":10000000,"maxConcurrentRequests":8,"maxCallsInRequest":32,
		"maxObjectsInGet":256,"maxObjectsInSet":128,"collationAlgorithms":["i;ascii-numeric","i;unicode-casemap"]}`, of[Limits]},
	{"3.3", `{"using":["urn:ietf:params:jmap:core","urn:example:product"],"methodCalls":[["method1",{"arg1":"a","arg2":2},"c1"],["method2",{},"c2"]],
		"createdIds":{"k1":"M1"}}`, of[Request]},
	{"3.4", `{"methodResponses":[["method1",{"arg1":3,"arg2":"b"},"c1"],["method2",{"isOne":true},"c2"],["another",{"data":10},"c2"],
		["error",{"type":"unknownMethod"},"c3"]],"createdIds":{"k1":"M1"},"sessionState":"75128aab"}`, of[Response]},
	{"3.6.1", `{"type":"urn:ietf:params:jmap:error:unknownCapability","status":400,"detail":"no such capability"}`, of[Problem]},
	{"3.6.1, limit", `{"type":"urn:ietf:params:jmap:error:limit","limit":"maxSizeRequest","status":400,"detail":"too large"}`, of[Problem]},
	{"3.6.2", `{"type":"invalidArguments","description":"no such argument"}`, of[MethodError]},
	{"3.7", `{"resultOf":"t0","name":"Note/changes","path":"/created"}`, of[ResultReference]},
	{"5.1", `{"accountId":"A1","ids":["n1","n2"],"properties":["id","title"]}`, of[GetArgs]},
	{"5.1, all", `{"accountId":"A1"}`, of[GetArgs]},
	{"5.1, answer", `{"accountId":"A1","state":"10324","list":[{"id":"n1"}],"notFound":["n2"]}`, of[GetResponse]},
	{"5.2", `{"accountId":"A1","sinceState":"10324","maxChanges":50}`, of[ChangesArgs]},
	{"5.2, answer", `{"accountId":"A1","oldState":"10324","newState":"871903","hasMoreChanges":false,"created":["n4"],"updated":[],"destroyed":["n2"]}`, of[ChangesResponse]},
	{"5.3", `{"accountId":"A1","ifInState":"10324","create":{"k15":{"title":"b"}},"update":{"n1":{"keywords/new":true,"keywords/old":null}},"destroy":["n2"]}`, of[SetArgs]},
	{"5.3, answer", `{"accountId":"A1","oldState":"10324","newState":"10329","created":{"k15":{"id":"n5"}},"updated":{"n1":{"length":5400}},"destroyed":["n2"],
		"notCreated":{"k16":{"type":"forbidden"}},"notUpdated":{"n3":{"type":"invalidProperties","description":"no","properties":["title"]}},
		"notDestroyed":{"n4":{"type":"notFound"}}}`, of[SetResponse]},
	{"5.3, nothing done", `{"accountId":"A1","oldState":null,"newState":"10329","created":null,"updated":null,"destroyed":null,
		"notCreated":null,"notUpdated":null,"notDestroyed":null}`, of[SetResponse]},
	{"5.4", `{"type":"alreadyExists","existingId":"n1"}`, of[SetError]},
	{"5.5", `{"accountId":"A1","filter":{"operator":"OR","conditions":[{"hasKeyword":"new"}]},"sort":[{"property":"title","isAscending":false,"collation":"i;unicode-casemap"}],
		"position":10,"anchor":"n1","anchorOffset":-1,"limit":10,"calculateTotal":true}`, of[QueryArgs]},
	{"5.5, answer", `{"accountId":"A1","queryState":"y13213","canCalculateChanges":true,"position":10,"ids":["n1","n2"],"total":101,"limit":2}`, of[QueryResponse]},
	{"6.1", `{"accountId":"A1","blobId":"B1","type":"image/png","size":1234}`, of[UploadResponse]},
	{"7.1", `{"@type":"StateChange","changed":{"A1":{"Note":"d35ecb04","Other":"428d5655"}}}`, of[StateChange]},
}

// Every type of the wire has the members of RFC 8620, of the same types: it reads
// a text that has them all, and writes the same again.
func TestShapesOfRFC8620(t *testing.T) {
	for _, s := range shapes {
		v, err := s.read([]byte(s.text))
		if err != nil {
			t.Errorf("§%s: %v", s.section, err)
			continue
		}
		out, err := json.Marshal(v)
		var got, want any
		if err != nil || json.Unmarshal(out, &got) != nil || json.Unmarshal([]byte(s.text), &want) != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("§%s: %s, %v; want %s", s.section, out, err, s.text)
		}
	}
}

// The longer example of RFC 8620 §3.7: four calls, each about what the one before
// it found, the last about lists that are joined.
func TestChainOfReferences(t *testing.T) {
	r, problem := ParseRequest([]byte(`{"using":["urn:ietf:params:jmap:core","urn:example:product"],"methodCalls":[
		["Note/query",{"accountId":"A1","filter":{"inBox":"b1"},"sort":[{"property":"at","isAscending":false}],"position":0,"limit":10,"calculateTotal":true},"t0"],
		["Note/get",{"accountId":"A1","#ids":{"resultOf":"t0","name":"Note/query","path":"/ids"},"properties":["threadId"]},"t1"],
		["Thread/get",{"accountId":"A1","#ids":{"resultOf":"t1","name":"Note/get","path":"/list/*/threadId"}},"t2"],
		["Note/get",{"accountId":"A1","#ids":{"resultOf":"t2","name":"Thread/get","path":"/list/*/noteIds"},"properties":["from","at"]},"t3"]]}`),
		DefaultLimits, product)
	if problem != nil {
		t.Fatal(problem)
	}
	answers := map[string]string{
		"t0": `{"accountId":"A1","queryState":"q","canCalculateChanges":true,"position":0,"total":101,"ids":["n1","n2"]}`,
		"t1": `{"accountId":"A1","state":"s","list":[{"id":"n1","threadId":"d1"},{"id":"n2","threadId":"d2"}],"notFound":[]}`,
		"t2": `{"accountId":"A1","state":"s","list":[{"id":"d1","noteIds":["n3","n4","n1"]},{"id":"d2","noteIds":["n5","n2"]}],"notFound":[]}`,
		"t3": `{"accountId":"A1","state":"s","list":[],"notFound":["n3","n4","n1","n5","n2"]}`,
	}
	asked := map[string]string{}
	res := r.Answer(context.Background(), DefaultLimits, func(_ context.Context, c Invocation) (any, error) {
		asked[c.CallID] = string(c.Args)
		return json.RawMessage(answers[c.CallID]), nil
	}, nil)
	for i, a := range res.Answers {
		if a.Name != r.Calls[i].Name || a.CallID != r.Calls[i].CallID || string(a.Args) != answers[a.CallID] {
			t.Errorf("answer %d: %s %s %s", i, a.Name, a.CallID, a.Args)
		}
	}
	for id, want := range map[string]string{
		"t1": `{"accountId":"A1","ids":["n1","n2"],"properties":["threadId"]}`,
		"t2": `{"accountId":"A1","ids":["d1","d2"]}`,
		"t3": `{"accountId":"A1","ids":["n3","n4","n1","n5","n2"],"properties":["from","at"]}`,
	} {
		if asked[id] != want {
			t.Errorf("%s was asked %s, want %s", id, asked[id], want)
		}
	}
}
