package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"
)

// readConfig sets the flags that the file at path gives as lines of name =
// value, without dashes; # begins a comment line. A flag on the command line
// counts more.
func readConfig(path string, flags *pflag.FlagSet) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	defer f.Close()
	given := map[string]bool{}
	flags.Visit(func(f *pflag.Flag) { given[f.Name] = true })
	seen := map[string]bool{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		switch {
		case !ok:
			return fmt.Errorf("%s line %d: not name = value", path, n)
		case flags.Lookup(name) == nil, name == "config", name == "help":
			return fmt.Errorf("%s line %d: there is no %q", path, n, name)
		case seen[name]:
			return fmt.Errorf("%s line %d: %s is there twice", path, n, name)
		}
		seen[name] = true
		if given[name] {
			continue
		}
		if err := flags.Set(name, value); err != nil {
			return fmt.Errorf("%s line %d: %w", path, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("configuration %s: %w", path, err)
	}
	return nil
}
