package dialplan

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"timbre/internal/office"
)

// A book is a directory that knows 101, and 102 who is disabled; with away it
// cannot be read.
type book struct{ away error }

func (b book) Extension(_ context.Context, n office.Number) (office.Extension, error) {
	switch {
	case b.away != nil:
		return office.Extension{}, b.away
	case n == "101", n == "102":
		return office.Extension{Number: n, Disabled: n == "102"}, nil
	}
	return office.Extension{}, office.ErrNotFound
}

func (b book) LineOf(_ context.Context, n office.Number) (office.Line, error) {
	switch {
	case b.away != nil:
		return office.Line{}, b.away
	case n == line.Number:
		return line, nil
	}
	return office.Line{}, office.ErrNotFound
}

func TestLookup(t *testing.T) {
	broken := errors.New("the book is away")
	for _, c := range []struct {
		dialled string
		book    book
		want    Destination
		err     error
	}{
		{"101", book{}, Destination{Extension, "101", "internal", true, office.Line{}}, nil},
		{"102", book{}, Destination{Kind: NotFound, Number: "102"}, nil}, // disabled
		{"vm-102", book{}, Destination{Kind: NotFound, Number: "102"}, nil},
		{"103", book{}, Destination{Kind: NotFound, Number: "103"}, nil},
		{"5555550123", book{}, Destination{OwnLine, "+525555550123", "internal", true, line}, nil},
		{"5555550100", book{}, Destination{Outside, "+525555550100", "national", true, office.Line{}}, nil},
		{"101", book{broken}, Destination{Kind: NotFound, Number: "101"}, broken},
		{"5555550123", book{broken}, Destination{Outside, "+525555550123", "national", true, office.Line{}}, broken},
		{"911", book{broken}, Destination{Emergency, "911", "national", true, office.Line{}}, nil},
		{"*43", book{broken}, Destination{EchoTest, "*43", "internal", true, office.Line{}}, nil},
	} {
		got, err := Lookup(t.Context(), c.book, "MX", office.Extension{Number: "101"}.WithDefaults(), c.dialled)
		if !reflect.DeepEqual(got, c.want) || !errors.Is(err, c.err) {
			t.Errorf("Lookup(%q) = %+v, %v; want %+v, %v", c.dialled, got, err, c.want, c.err)
		}
	}
}
