// Package locale gives a language to a process whose locale names none, such as
// C.UTF-8 in a container: Spanish, as everywhere in Timbre. Fyne parses the
// locale before main begins and otherwise writes three lines about it to the
// standard error of every command.
//
// Importing it is enough. It is the one package that acts when it is
// initialised: Go initialises packages in the order of their import paths as
// soon as their imports are, and with syscall alone this one comes before time,
// which Fyne needs.
package locale

import "syscall"

var _ = name(syscall.Getenv, syscall.Setenv)

// name sets LANGUAGE where the locale is a C or POSIX one with a character set
// and LANGUAGE is empty.
func name(getenv func(string) (string, bool), setenv func(key, value string) error) error {
	if v, _ := getenv("LANGUAGE"); v != "" {
		return nil
	}
	for _, key := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		v, _ := getenv(key)
		if v == "" {
			continue
		}
		if len(v) > 2 && v[:2] == "C." || len(v) > 6 && v[:6] == "POSIX." {
			return setenv("LANGUAGE", "es")
		}
		return nil
	}
	return nil
}
