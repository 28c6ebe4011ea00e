package main

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"timbre/internal/office"
	"timbre/sync/local"
)

// TestFax queues faxes, which nothing sends yet, and does with them what can be
// done.
func TestFax(t *testing.T) {
	o := newOffice(t)
	s, other := signIn(t, o, "101"), signIn(t, o, "101")
	dir := t.TempDir()
	document := filepath.Join(dir, "contract.pdf")
	const content = "%PDF-1.4\nnot much of one"
	if err := os.WriteFile(document, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := s.run("fax", "list"); out != "There are no faxes. Those that you send and receive will appear here.\n" || s.run("fax", "list", "--json") != "[]\n" {
		t.Errorf("at first: %q", out)
	}
	for part, args := range map[string][]string{
		"cannot be dialled":     {"send", "nobody", document},
		"does not exist":        {"send", "5512345678", document + "x"},
		"is a folder":           {"send", "5512345678", dir},
		"must be a PDF or TIFF": {"send", "5512345678", "main.go"},
		"No fax can be sent":    {"send", "911", document},
		"sent to that number":   {"send", "*97", document, "--offline"},
		"Fax to 5: it could not be sent: the server did not accept the number": {"send", "5", document},
		"It is no longer there":       {"get", "none", filepath.Join(dir, "x.pdf")},
		"may have been deleted":       {"cancel", "none"},
		"deleted on another":          {"resend", "none"},
		"on another device":           {"delete", "none"},
		"a file of that name already": {"get", s.faxOffline(other, document), document},
	} {
		s.refused(part, "", append([]string{"fax"}, args...)...)
	}
	id := s.oneFax(office.FaxQueued).ID
	if x := other.oneFax(office.FaxQueued); x.ID != id || x.Number != "+525512345678" && x.Number != "5512345678" || x.Type != office.PDFType || x.Size != int64(len(content)) {
		t.Errorf("the server has %+v", x)
	}
	s.getsAndEnds(other, string(id), filepath.Join(dir, "copy.pdf"), content)
	s.forgetsUnsent(document)
	s.decidesAboutRefused(document)
}

// faxOffline queues a fax without a network, which other does not see before it is
// sent, and returns its client reference.
func (s shell) faxOffline(other shell, document string) string {
	s.t.Helper()
	status, out, errs := s.try("", "fax", "send", "55 1234 5678", document, "--offline", "--json")
	if status != 0 || !strings.HasSuffix(out, `","pending":true}`+"\n") || errs != "The change is kept and will be sent with the next command or with timbre sync.\n" {
		s.t.Fatalf("status %d, %q, %q", status, out, errs)
	}
	ref := string(s.oneFax(office.FaxQueued, "--offline").ID)
	if out := s.run("fax", "list", "--offline"); !strings.HasPrefix(out, ref+"  today ") || !strings.HasSuffix(out, "  55 1234 5678  Queued  not sent yet\n") {
		s.t.Errorf("listed: %q", out)
	}
	if out := other.run("fax", "list", "--json"); out != "[]\n" {
		s.t.Errorf("it was sent: %s", out)
	}
	s.run("sync", "--once")
	if out := s.run("fax", "list"); strings.Contains(out, "not sent yet") {
		s.t.Errorf("it was not sent: %s", out)
	}
	return ref // it stays a name of the fax
}

// oneFax returns the newest fax, which must be in that state.
func (s shell) oneFax(want office.FaxState, flags ...string) (f local.Fax) {
	s.t.Helper()
	var list []local.Fax
	s.json(&list, append([]string{"fax", "list"}, flags...)...)
	if len(list) == 0 || list[0].State != want {
		s.t.Fatalf("faxes %+v, want one that is %s", list, want)
	}
	return list[0]
}

func (s shell) getsAndEnds(other shell, id, file, content string) {
	s.t.Helper()
	if out := other.run("fax", "get", id, file, "--json"); out != `{"id":"`+id+`","file":"`+file+`"}`+"\n" {
		s.t.Errorf("get: %q", out)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != content {
		s.t.Errorf("got %q, %v", got, err)
	}
	s.refused("Only a finished fax can be deleted", "", "fax", "delete", id)
	s.refused("Only a fax of yours that has ended", "", "fax", "resend", id)
	if out := other.run("fax", "cancel", id); out != "Fax canceled.\n" {
		s.t.Errorf("cancel: %q", out)
	}
	s.oneFax(office.FaxCanceled)
	s.refused("It is too late to cancel", "", "fax", "cancel", id)
	if out := s.run("fax", "resend", id); !strings.HasPrefix(out, "Fax to 55 1234 5678 queued: ") {
		s.t.Errorf("resend: %q", out)
	}
	again := other.oneFax(office.FaxQueued)
	if string(again.ResendOf) != id {
		s.t.Errorf("sent again: %+v", again)
	}
	if out := s.run("fax", "delete", id, "--json"); out != `{"id":"`+id+`","pending":false}`+"\n" {
		s.t.Errorf("delete: %q", out)
	}
	if only := other.oneFax(office.FaxQueued); only.ID != again.ID || strings.Count(other.run("fax", "list"), "\n") != 1 {
		s.t.Errorf("left: %+v", only)
	}
}

// forgetsUnsent cancels a fax before the server has heard of it.
func (s shell) forgetsUnsent(document string) {
	s.t.Helper()
	before := s.run("fax", "list", "--json")
	s.run("fax", "send", "5512345678", document, "--offline")
	s.run("fax", "cancel", string(s.oneFax(office.FaxQueued, "--offline").ID), "--offline")
	if after := s.run("fax", "list", "--json"); after != before {
		s.t.Errorf("it is there: %s", after)
	}
}

// decidesAboutRefused has a fax refused that waited: it stays until the user has
// decided.
func (s shell) decidesAboutRefused(document string) {
	s.t.Helper()
	before := s.run("fax", "list", "--json")
	for _, end := range []string{"dismiss", "delete"} {
		s.run("fax", "send", "5", document, "--offline")
		for range 2 {
			_, _, errs := s.try("", "prefs", "show")
			if !strings.Contains(errs, "Fax to 5: it could not be sent: the server did not accept the number or the document. To try again: timbre refused retry ") {
				s.t.Errorf("told: %q", errs)
			}
		}
		f := s.oneFax(office.FaxFailed)
		if out := s.run("fax", "list"); !strings.Contains(out, "Failed: the server did not accept the number") {
			s.t.Errorf("listed: %q", out)
		}
		var refused []refusedRow
		s.json(&refused, "refused", "list")
		if len(refused) != 1 || refused[0].Action != local.CreateFax {
			s.t.Fatalf("refused: %+v", refused)
		}
		seq := strconv.FormatInt(refused[0].Seq, 10)
		s.refused("To forget it: timbre refused dismiss "+seq, "", "refused", "retry", seq)
		s.run(map[string][]string{"dismiss": {"refused", "dismiss", seq}, "delete": {"fax", "delete", string(f.ID)}}[end]...)
		if after := s.run("fax", "list", "--json"); after != before {
			s.t.Errorf("%s leaves %s", end, after)
		}
	}
}

// TestFaxStates says how far a fax has come.
func TestFaxStates(t *testing.T) {
	for _, c := range []struct {
		f      office.Fax
		es, en string
	}{
		{office.Fax{State: office.FaxQueued}, "En cola", "Queued"},
		{office.Fax{State: office.FaxQueued, Pages: 1}, "En cola · una página", "Queued · one page"},
		{office.Fax{State: office.FaxDialing, Pages: 3}, "Marcando · 3 páginas", "Dialing · 3 pages"},
		{office.Fax{State: office.FaxSending, Pages: 3, PagesDone: 1}, "Enviando 1/3", "Sending 1/3"},
		{office.Fax{State: office.FaxDelivered, Pages: 3, PagesDone: 3}, "Enviado · 3 páginas", "Sent · 3 pages"},
		{office.Fax{State: office.FaxArrived, Pages: 2}, "Recibido · 2 páginas", "Received · 2 pages"},
		{office.Fax{State: office.FaxCanceled}, "Cancelado", "Canceled"},
		{office.Fax{State: office.FaxFailed}, "Falló", "Failed"},
		{office.Fax{State: office.FaxFailed, Error: &office.FaxError{Code: "busy"}}, "Falló: el número estaba ocupado", "Failed: the number was busy"},
		{office.Fax{State: office.FaxFailed, Error: &office.FaxError{Code: "fileTooLarge"}}, "Falló: el archivo es demasiado grande para el servidor", "Failed: the file is too large for the server"},
		{office.Fax{State: office.FaxFailed, Error: &office.FaxError{Code: "unheard"}}, "Falló: no se sabe por qué", "Failed: nobody knows why"},
		{office.Fax{State: "translating"}, "translating", "translating"}, // of a newer server
	} {
		for lang, want := range map[string]string{"es_MX.UTF-8": c.es, "en_US.UTF-8": c.en} {
			t.Setenv("LANG", lang)
			if got := newOptions(strings.NewReader(""), io.Discard, io.Discard).faxState(c.f); got != want {
				t.Errorf("%+v: %q, want %q", c.f, got, want)
			}
		}
	}
}
