package office

import "time"

// zones are the time zones of regions: where a region has several, that of most
// of its people.
var zones = map[Region]string{
	"AR": "America/Argentina/Buenos_Aires",
	"AT": "Europe/Vienna",
	"AU": "Australia/Sydney",
	"BE": "Europe/Brussels",
	"BO": "America/La_Paz",
	"BR": "America/Sao_Paulo",
	"CA": "America/Toronto",
	"CH": "Europe/Zurich",
	"CL": "America/Santiago",
	"CO": "America/Bogota",
	"CR": "America/Costa_Rica",
	"CU": "America/Havana",
	"DE": "Europe/Berlin",
	"DO": "America/Santo_Domingo",
	"EC": "America/Guayaquil",
	"ES": "Europe/Madrid",
	"FR": "Europe/Paris",
	"GB": "Europe/London",
	"GT": "America/Guatemala",
	"HN": "America/Tegucigalpa",
	"IE": "Europe/Dublin",
	"IT": "Europe/Rome",
	"MX": "America/Mexico_City",
	"NI": "America/Managua",
	"NL": "Europe/Amsterdam",
	"NZ": "Pacific/Auckland",
	"PA": "America/Panama",
	"PE": "America/Lima",
	"PR": "America/Puerto_Rico",
	"PT": "Europe/Lisbon",
	"PY": "America/Asuncion",
	"SV": "America/El_Salvador",
	"US": "America/New_York",
	"UY": "America/Montevideo",
	"VE": "America/Caracas",
}

// CheckTimeZone returns ErrTimeZone unless name is a time zone of the IANA, such
// as "America/Tijuana", or empty, which is the region's.
func CheckTimeZone(name string) error {
	if name == "Local" { // a machine's own is no office's
		return ErrTimeZone
	}
	if _, err := time.LoadLocation(name); err != nil {
		return ErrTimeZone
	}
	return nil
}

// Location returns the time zone in which the company's people think: the one
// that was chosen, else its region's; UTC where neither is known.
func (c Company) Location() *time.Location {
	name := c.TimeZone
	if name == "" {
		name = zones[c.Region]
	}
	place, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return time.UTC
	}
	return place
}
