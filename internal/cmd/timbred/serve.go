package main

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"timbre/internal/server"
)

func (c *command) serve() *cobra.Command {
	var config, level string
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the server until it is interrupted", Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	f.StringVar(&c.cfg.HTTPS, "https", c.cfg.HTTPS, "address for apps, host:port")
	f.StringVar(&c.cfg.SIP, "sip", c.cfg.SIP, "address for telephones without TLS, UDP and TCP; empty: none")
	f.StringVar(&c.cfg.SIPS, "sips", c.cfg.SIPS, "address for telephones with TLS")
	f.StringVar(&c.cfg.Domain, "domain", "", "name of the office in SIP addresses")
	f.StringVar(&c.cfg.PublicAddress, "public-address", "", "name or IP address by which the Internet reaches this server")
	f.Var(&portRange{&c.cfg}, "rtp-ports", "UDP ports for sound, as A-B; 0: any")
	f.StringVar(&c.cfg.Cert, "cert", "", "PEM file of a certificate to show instead of the office's own")
	f.StringVar(&c.cfg.Key, "key", "", "PEM file of its key")
	f.StringVar(&c.cfg.Sounds, "sounds", "", "folder of spoken prompts")
	f.StringVar(&c.cfg.ReadyFile, "ready-file", "", "file to write when all listeners are up")
	f.StringVar(&level, "log", "info", "least to log: debug, info, warn or error")
	f.StringVar(&config, "config", "", "file of flags, a line for each: name = value")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if config != "" {
			if err := readConfig(config, cmd.Flags()); err != nil {
				return err
			}
		}
		var least slog.Level
		if err := least.UnmarshalText([]byte(level)); err != nil {
			return fmt.Errorf("--log %s: it is debug, info, warn or error", level)
		}
		c.cfg.Log = slog.New(slog.NewTextHandler(c.log, &slog.HandlerOptions{Level: least}))
		return server.Run(cmd.Context(), c.cfg)
	}
	return cmd
}

// A portRange is the value of --rtp-ports.
type portRange struct{ cfg *server.Config }

func (p *portRange) Type() string { return "A-B" }

func (p *portRange) String() string {
	if p.cfg == nil || p.cfg.RTPMax == 0 {
		return "0"
	}
	return fmt.Sprintf("%d-%d", p.cfg.RTPMin, p.cfg.RTPMax)
}

func (p *portRange) Set(s string) error {
	if s == "0" {
		p.cfg.RTPMin, p.cfg.RTPMax = 0, 0
		return nil
	}
	from, to, _ := strings.Cut(s, "-")
	low, err1 := strconv.ParseUint(from, 10, 16)
	high, err2 := strconv.ParseUint(to, 10, 16)
	if err1 != nil || err2 != nil || low == 0 {
		return errors.New("not a range of ports such as 20000-20999")
	}
	p.cfg.RTPMin, p.cfg.RTPMax = int(low), int(high)
	return nil
}
