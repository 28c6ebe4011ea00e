package office

import "strings"

// emergency holds the short numbers of the emergency services per region,
// beside 112 and 911, which any mobile knows and which count everywhere. The old
// Mexican ones are led to 911 by the carriers; 088 is the Guardia Nacional, 089
// takes reports.
var emergency = map[Region]string{
	"AR": "100 101 107",
	"BO": "110 118 119",
	"BR": "190 192 193",
	"CH": "117 118 143 144",
	"CL": "131 132 133",
	"CO": "123",
	"DE": "110",
	"ES": "061 062 080 085 091 092",
	"FR": "15 17 18 114",
	"GB": "999",
	"GT": "110 120 122 123",
	"IT": "113 115 118",
	"MX": "060 065 066 068 080 088 089",
	"PE": "105 106 116",
	"VE": "171",
}

// IsEmergency reports whether n reaches the emergency services of the region;
// 112 and 911 do so everywhere.
func (n Number) IsEmergency(r Region) bool {
	if n == "112" || n == "911" {
		return true
	}
	for e := range strings.FieldsSeq(emergency[r]) {
		if string(n) == e {
			return true
		}
	}
	return false
}

// IsService reports whether n is one of the three-digit codes by which the
// carriers of the region offer services, such as 030, 040 and 079 in Mexico or
// 411 in the United States. They go out as they are dialled.
func (n Number) IsService(r Region) bool {
	if len(n) != 3 || !n.IsExtension() {
		return false
	}
	switch r {
	case "MX":
		return n[0] == '0'
	case "US", "CA":
		return n[1:] == "11" && n[0] >= '2' || n == "988"
	}
	return false
}
