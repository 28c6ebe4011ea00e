package local

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
)

// exported returns the lines that are written.
func exported(t *testing.T, m *Mirror, f Filter, style CSVStyle) []string {
	t.Helper()
	var b strings.Builder
	if err := m.ExportCalls(context.Background(), &b, f, style); err != nil {
		t.Fatal(err)
	}
	text, ok := strings.CutPrefix(b.String(), "\ufeff")
	if !ok || !strings.HasSuffix(text, "\r\n") || strings.Contains(strings.ReplaceAll(text, "\r\n", ""), "\n") {
		t.Errorf("not as spreadsheets want it: %q", b.String())
	}
	return strings.Split(strings.TrimSuffix(text, "\r\n"), "\r\n")
}

func logged(t *testing.T) *Mirror {
	m := open(t, t.TempDir())
	at := noon.Add(time.Second)
	var objects []json.RawMessage
	for _, c := range []office.Call{
		{
			ID: "c1", Kind: office.Outgoing, Outcome: office.Answered, Peer: office.Party{Number: "+525512345678", Name: "=HYPERLINK(\"http://x\")"}, StartedAt: noon, AnsweredAt: &at, RingDuration: office.Of(7 * time.Second), Duration: office.Of(3725 * time.Second), AnsweredBy: "0101",
			Quality: map[office.ID]office.Quality{"d1": {Codec: "opus", Loss: 0.0125, Jitter: 0.0031, Delay: 0.0806}},
		},
		{ID: "c2", Kind: office.Missed, Outcome: office.ToVoicemail, Peer: office.Party{Number: "0102", Name: "Peña; Luis, el \"Chino\""}, StartedAt: noon.Add(time.Minute), ForwardedTo: "+12125550100"},
		{ID: "c3", Kind: office.Incoming, Outcome: office.Failed, Reason: office.Interrupted, Peer: office.Party{Number: "911", Name: "+1 @SUM(A1)"}, StartedAt: noon.Add(2 * time.Minute)},
		{ID: "c4", Kind: "=video", Outcome: "later,;\t", Peer: office.Party{Number: "*97"}, StartedAt: noon.Add(3 * time.Minute)},
		{ID: "c5", Kind: office.Outgoing, StartedAt: noon.Add(4 * time.Minute)},
	} {
		b, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, b)
	}
	fill(t, m, CallType, objects...)
	return m
}

func TestExport(t *testing.T) {
	mexico := time.FixedZone("CST", -6*3600)
	got := exported(t, logged(t), Filter{}, CSVStyle{Location: mexico, Device: "d1"})
	want := []string{
		"Fecha,Hora,Tipo,Resultado,Nombre,Número,Timbrado (s),Duración,Contestó,Desviada a,Códec,Pérdida (%),Variación (ms),Retardo (ms)",
		"2026-11-23,06:04:00,Saliente,En curso,,,0,0:00:00,,,,,,",
		`2026-11-23,06:03:00,'=video,"later,;",,*97,0,0:00:00,,,,,,`,
		"2026-11-23,06:02:00,Entrante,Se interrumpió,'+1 @SUM(A1),911,0,0:00:00,,,,,,",
		`2026-11-23,06:01:00,Perdida,Pasó al buzón,"Peña; Luis, el ""Chino""",Ext. 0102,0,0:00:00,,(+1) 212 555 0100,,,,`,
		`2026-11-23,06:00:00,Saliente,Contestada,"'=HYPERLINK(""http://x"")",(+52) 55 1234 5678,7,1:02:05,0101,,opus,1.2,3,81`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestExportWhereTheCommaIsTheDecimalSign(t *testing.T) {
	got := exported(t, logged(t), Filter{To: noon.Add(2 * time.Minute)}, CSVStyle{Language: office.English, Separator: ';', Location: time.UTC, Device: "d1"})
	want := []string{
		"Date;Time;Kind;Outcome;Name;Number;Ringing (s);Duration;Answered by;Forwarded to;Codec;Loss (%);Jitter (ms);Delay (ms)",
		`2026-11-23;12:01:00;Missed;Went to voicemail;"Peña; Luis, el ""Chino""";Ext. 0102;0;0:00:00;;(+1) 212 555 0100;;;;`,
		`2026-11-23;12:00:00;Outgoing;Answered;"'=HYPERLINK(""http://x"")";(+52) 55 1234 5678;7;1:02:05;0101;;opus;1,2;3;81`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestExportFilter(t *testing.T) {
	m := logged(t)
	for name, c := range map[string]struct {
		f    Filter
		rows int
	}{
		"all, whatever the limit":         {Filter{Limit: 1, After: Cursor{noon, "c1"}}, 5},
		"from":                            {Filter{From: noon.Add(3 * time.Minute)}, 2},
		"outgoing":                        {Filter{Kind: office.Outgoing}, 2},
		"incoming holds missed ones":      {Filter{Kind: office.Incoming}, 2},
		"missed":                          {Filter{Kind: office.Missed}, 1},
		"text":                            {Filter{Text: "pena"}, 1},
		"nobody":                          {Filter{Text: "nadie"}, 0},
		"a range in which there are none": {Filter{To: noon}, 0},
	} {
		if got := len(exported(t, m, c.f, CSVStyle{})) - 1; got != c.rows {
			t.Errorf("%s: %d rows, want %d", name, got, c.rows)
		}
	}
}

// Whatever strangers call themselves, every row has its cells, and none is a
// formula.
func FuzzCSVCell(f *testing.F) {
	for _, s := range []string{"", "=1+1", "-", "@x", "\tx", "\r", "a\r\nb", `"`, ";,", "+52"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, separator := range []byte{',', ';'} {
			var b strings.Builder
			table := newTable(&b, CSVStyle{Separator: separator})
			table.row = []byte("first")
			table.text([]byte(s))
			table.text([]byte("last"))
			r := csv.NewReader(strings.NewReader(string(table.row) + "\r\n"))
			r.Comma = rune(separator)
			cells, err := r.Read()
			if err != nil || len(cells) != 3 || cells[2] != "last" {
				t.Fatalf("%q: %q, %v", s, cells, err)
			}
			if cell := cells[1]; cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				t.Errorf("%q is written %q", s, cell)
			}
		}
	})
}

func TestExportSaysThatTheDiskIsFull(t *testing.T) {
	if err := logged(t).ExportCalls(context.Background(), full{}, Filter{}, CSVStyle{}); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}

var errFull = errors.New("no space left")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }
