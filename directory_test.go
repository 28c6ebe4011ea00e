package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"timbre/internal/office"
	"timbre/internal/officetest"
	"timbre/softphone"
	"timbre/sync/local"
)

const addressBook = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:María Ñáñez\r\nTEL;TYPE=CELL:55 1234 5678\r\nTEL;TYPE=WORK:+1 305 555 0100\r\nEND:VCARD\r\n" +
	"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Zoé\r\nTEL:+525555559999\r\nEND:VCARD\r\n"

// TestDirectoryAndSearch looks for people, and for what they did, with and without
// a network.
func TestDirectoryAndSearch(t *testing.T) {
	o := newOffice(t)
	s := signIn(t, o, "101")
	hangUpAtVoicemail(t, o)

	var people directoryAnswer
	s.json(&people, "directory")
	if len(people.Extensions) != 3 || len(people.Contacts) != 0 || people.Extensions[0].Name != "Ana López" {
		t.Fatalf("%+v", people)
	}
	for i, want := range []office.PresenceState{office.Offline, office.Free, office.Offline} { // 102 has a phone
		if people.Extensions[i].State != want {
			t.Errorf("%s is %q, want %q", people.Extensions[i].Name, people.Extensions[i].State, want)
		}
	}
	if out := s.run("directory"); out != "Ext. 101  Ana López   Offline\nExt. 102  Luis Peña   Free\nExt. 103  Marta Ruiz  Offline\n" {
		t.Errorf("listed:\n%s", out)
	}
	if out := s.run("directory", "--offline", "--json"); strings.Contains(out, "state") || !strings.Contains(out, "Luis Peña") {
		t.Errorf("offline: %s", out)
	}
	s.importsContacts()
	s.searches()
}

// hangUpAtVoicemail lets 102, whose phone stays, call 101 and hang up at the
// greeting. It returns when the call is in the log.
func hangUpAtVoicemail(t *testing.T, o *officetest.Office) {
	t.Helper()
	phone, err := o.Phone(t.Context(), "102", officetest.PhoneOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := phone.Call("101")
	if err == nil {
		err = phone.Reach(t.Context(), c, softphone.Active)
	}
	if err != nil {
		t.Fatal(err)
	}
	c.Hangup()
	<-c.Done()
	logged(t, o, "101", 1)
}

func (s shell) importsContacts() {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "book.vcf")
	if err := os.WriteFile(file, []byte(addressBook), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.refused("There are no contacts in main.go", "", "directory", "import", "main.go")
	s.refused("does not exist", "", "directory", "import", file+"x")
	s.refused("is a folder", "", "directory", "import", filepath.Dir(file))
	for _, n := range []string{"3", "0"} { // they are not doubled
		if out := s.run("directory", "import", file, "--offline"); out != n+" numbers added to the contacts.\n" {
			s.t.Errorf("import: %q", out)
		}
	}
	if out := s.run("directory", "maria", "--offline"); out != "(+1) 305 555 0100  María Ñáñez  work\n55 1234 5678       María Ñáñez  mobile\n" {
		s.t.Errorf("contacts:\n%s", out)
	}
	if out := s.run("directory", "nobody", "--offline"); out != "Nobody like that is in the directory or the contacts.\n" {
		s.t.Errorf("nobody: %q", out)
	}
	var people directoryAnswer
	s.json(&people, "directory", "zoe")
	if len(people.Extensions) != 0 || len(people.Contacts) != 1 || people.Contacts[0] != (local.Contact{Name: "Zoé", Number: "+525555559999"}) {
		s.t.Errorf("%+v", people)
	}
}

func (s shell) searches() {
	s.t.Helper()
	var hits []local.Hit
	for _, text := range []string{"luis", "PENA", "102"} {
		s.json(&hits, "search", text)
		if len(hits) != 2 || hits[0].Type != local.ExtensionType || hits[1].Type != local.CallType || hits[1].Call == nil || hits[1].Call.Peer.Name != "Luis Peña" {
			s.t.Errorf("%s: %+v", text, hits)
		}
	}
	for _, args := range [][]string{{"search", "luis"}, {"search", "peña", "luis", "--offline"}} {
		lines := strings.Split(s.run(args...), "\n")
		if len(lines) != 3 || !strings.HasPrefix(lines[0], "Extension    ") || !strings.HasPrefix(lines[1], "Missed call  today ") || !strings.HasSuffix(lines[1], "Luis Peña  Ext. 102  Not answered") {
			s.t.Errorf("%v:\n%s", args, strings.Join(lines, "\n"))
		}
	}
	s.json(&hits, "search", "a", "--limit", "1", "--offline")
	if len(hits) != 1 {
		s.t.Errorf("one: %+v", hits)
	}
	if out := s.run("search", "3055"); !strings.HasPrefix(out, "Contact  María Ñáñez  (+1) 305 555 0100") {
		s.t.Errorf("part of a number: %q", out)
	}
	if out := s.run("directory", "forget", "--json"); out != `{"contacts":0}`+"\n" {
		s.t.Errorf("forget: %q", out)
	}
	if out := s.run("search", "maría"); out != "\"maría\" was not found.\n" || s.run("search", "maría", "--json") != "[]\n" {
		s.t.Errorf("forgotten: %q", out)
	}
}
