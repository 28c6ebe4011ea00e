package main

import "testing"

func TestTable(t *testing.T) {
	var tab table
	tab.add("Ñandú", "", "uno")
	tab.add("a heading that is wider than any column")
	tab.add("b", "", "")
	tab.add("")
	tab.add("c", "", "tres", "más")
	const want = "Ñandú  uno\na heading that is wider than any column\nb\n\nc      tres  más\n"
	if got := tab.String(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := (&table{}).String(); got != "" {
		t.Errorf("nothing is %q", got)
	}
}
