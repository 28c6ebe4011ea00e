package main

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLogAsCSV(t *testing.T) {
	o := newOffice(t)
	s := signIn(t, o, "101")
	hangUpAtVoicemail(t, o)
	dir := t.TempDir()
	file := filepath.Join(dir, "calls.csv")
	if out := s.run("log", "--csv", file); out != "Calls saved in "+file+".\n" {
		t.Errorf("said %q", out)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(text), "\ufeff"))).ReadAll()
	if err != nil || len(rows) != 2 || rows[0][0] != "Date" || rows[1][2] != "Missed" || rows[1][4] != "Luis Peña" || rows[1][5] != "Ext. 102" {
		t.Errorf("%q, %v", rows, err)
	}
	if out := s.run("log", "--csv", "-", "--offline"); out != string(text) {
		t.Errorf("on the output: %q", out)
	}
	if out := s.run("log", "--csv", "-", "--kind", "outgoing", "--from", "2020-01-01", "--to", "2020-01-02"); strings.Count(out, "\r\n") != 1 {
		t.Errorf("no calls: %q", out)
	}
	s.refused("a file of that name already", "", "log", "--csv", file)
	if again, err := os.ReadFile(file); err != nil || string(again) != string(text) {
		t.Errorf("it was written over: %v", err)
	}
	s.refused("does not exist", "", "log", "--csv", filepath.Join(dir, "none", "calls.csv"))
	other := filepath.Join(dir, "llamadas.csv")
	t.Setenv("LANG", "es_ES.UTF-8")
	if out := s.run("log", "--csv", other, "--json"); out != `{"file":"`+other+`"}`+"\n" {
		t.Errorf("said %q", out)
	}
	if text, err := os.ReadFile(other); err != nil || !strings.HasPrefix(string(text), "\ufeffFecha;Hora;Tipo;") {
		t.Errorf("in Spain: %q, %v", text, err)
	}
}

func TestSeparator(t *testing.T) {
	for locale, want := range map[string]byte{
		"es_MX.UTF-8": ',', "en_US.UTF-8": ',', "": ',', "C": ',', "es": ',', "es_PR": ',',
		"es_ES.UTF-8": ';', "es-AR": ';', "es_CO@x": ';', "de_DE": ';', "pt_BR.UTF-8": ';', "fr": ';',
	} {
		if got := separator(locale); got != want {
			t.Errorf("%q: %q", locale, got)
		}
	}
}
