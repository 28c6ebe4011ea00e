package main

import (
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// commands are what people and scripts rely on: each with its flags, beside --data,
// --db and --json, which all take.
var commands = map[string]string{
	"serve":        "https sip sips domain public-address rtp-ports cert key sounds ready-file config",
	"company set":  "number name region timezone email",
	"company show": "",

	"extension add":            "name email language ring password-stdin allow max-calls minutes call-limit",
	"extension set":            "name email language ring password-stdin allow max-calls minutes call-limit",
	"extension list":           "",
	"extension reset-password": "password-stdin",
	"extension reset-pin":      "pin-stdin",
	"extension unlock":         "",
	"extension disable":        "",
	"extension enable":         "",
	"extension remove":         "keep purge",
	"invite":                   "png server",

	"device add":    "name",
	"device list":   "",
	"device remove": "",
	"number add":    "extension fax menu",
	"number list":   "",
	"number remove": "",
	"trunk add":     "uri register username password-stdin priority transport format t38",
	"trunk set":     "uri register username password-stdin priority transport format t38",
	"trunk list":    "",
	"trunk test":    "",
	"trunk remove":  "",

	"smtp set":       "url from password-stdin",
	"smtp show":      "",
	"smtp test":      "to",
	"fax release":    "",
	"mail release":   "",
	"session list":   "",
	"session revoke": "extension",
	"status":         "",
	"admin token":    "name metrics",
	"admin list":     "",
	"admin revoke":   "",
	"audit":          "since limit",
	"retention set":  "calls voicemail",
	"retention show": "",
	"backup":         "",
	"restore":        "force",
	"migrate":        "to",
}

func TestCommandsAndFlags(t *testing.T) {
	root := newRoot(strings.NewReader(""), io.Discard, io.Discard)
	known := map[string]bool{}
	var walk func(c *cobra.Command, path string)
	walk = func(c *cobra.Command, path string) {
		if c.Short == "" {
			t.Errorf("%s: nothing says what it does", path)
		}
		for _, sub := range c.Commands() {
			walk(sub, strings.TrimSpace(path+" "+sub.Name()))
		}
		if !c.HasSubCommands() {
			known[path] = true
		}
	}
	walk(root, "")
	for path, flags := range commands {
		c, _, err := root.Find(strings.Fields(path))
		if err != nil || !known[path] {
			t.Errorf("%s: %v", path, err)
			continue
		}
		delete(known, path)
		for _, name := range append(strings.Fields(flags), "data", "db", "json") {
			f := c.Flags().Lookup(name)
			if f == nil {
				f = c.InheritedFlags().Lookup(name)
			}
			if f == nil || f.Usage == "" {
				t.Errorf("%s --%s is not there, or does not say what it is", path, name)
			}
		}
	}
	for path := range known {
		t.Errorf("%s is not in the table", path)
	}
}
