package office

import "strings"

// A Class is what sort of number a call goes to, and so who may call it.
type Class string

// The classes, cheapest first. Mobiles are national where the plan cannot tell
// them apart.
const (
	Internal      Class = "internal"
	National      Class = "national"
	International Class = "international"
	Premium       Class = "premium" // paid services and satellites
)

// classes are all that there are, in order.
var classes = []Class{Internal, National, International, Premium}

// Classes is a set of classes, written as ParseClasses reads it:
// "internal,national".
type Classes string

// Has reports whether c is in the set.
func (s Classes) Has(c Class) bool {
	for have := range strings.SplitSeq(string(s), ",") {
		if have == string(c) {
			return true
		}
	}
	return false
}

// ParseClasses returns the set that a list such as "national, internal" names.
// It returns ErrClass where one is unknown or the list is empty.
func ParseClasses(s string) (Classes, error) {
	named := map[Class]bool{}
	for word := range strings.SplitSeq(s, ",") {
		named[Class(strings.TrimSpace(word))] = true
	}
	var list []string
	for _, c := range classes {
		if named[c] {
			list = append(list, string(c))
		}
	}
	if len(list) != len(named) {
		return "", ErrClass
	}
	return Classes(strings.Join(list, ",")), nil
}

// Rights are what an extension may call, and how much.
type Rights struct {
	Classes  Classes `json:"classes"`
	MaxCalls int     `json:"maxCalls"` // outside calls at the same time; 0: any number
	Minutes  int     `json:"minutes"`  // of outside calls a day; 0: any number
}

// DefaultRights are those of an extension unless the administrator says
// otherwise.
func DefaultRights() Rights { return Rights{Classes: "internal,national", MaxCalls: 4, Minutes: 600} }

// DefaultCallLimit is how many calls an extension may have at the same time
// before it is busy.
const DefaultCallLimit = 2
