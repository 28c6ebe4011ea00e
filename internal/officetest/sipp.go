package officetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"embed"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
	"time"

	"timbre/internal/media"
	"timbre/internal/office"
)

// scenarios are what sipp is told to do.
//
//go:embed testdata/*.xml
var scenarios embed.FS

// The scenarios of Sipp, by their files in testdata.
const (
	SippRegister = "register" // a REGISTER with digest
	SippCall     = "call"     // an INVITE with digest, sound, and BYE
	SippAnswer   = "answer"   // answers calls and sends their sound back

	SippPress    = "press"    // a call that presses Digits, by INFO, and ends
	SippAttend   = "attend"   // calls the Number of its rows, then Other, and transfers them to each other
	SippRedirect = "redirect" // sends every call on to Other, by 302

	SippCarrierRefuse = "carrier-refuse" // a carrier that answers 503
	SippCarrierEarly  = "carrier-early"  // a carrier that sends sound back for Talk, before it answers
	SippCarrierCall   = "carrier-call"   // a carrier that calls the Number of its rows
	SippCarrier100rel = "carrier-100rel" // the same, insisting on 100rel
)

// A SippLoad is what one sipp is to do. Zero fields keep sipp's own defaults.
type SippLoad struct {
	Scenario string
	Server   string // host:port of the office's SIP over UDP; empty where it answers
	Port     int    // own UDP port; 0: a free one
	Calls    int    // then it ends; 0: it goes on until it is stopped
	Rate     int    // calls begun per second
	AtOnce   int    // calls going on together at most
	Talk     time.Duration
	Limit    time.Duration // hard limit; 0: one minute
	Rows     []SippRow     // used in turn
	Prefix   []string      // before the command line

	Digits string        // pressed one after the other; of SippPress
	Other  office.Number // of SippAttend and SippRedirect
}

// A SippRow is whom sipp pretends to be in one call.
type SippRow struct {
	Account office.SIPAccount
	Number  office.Number // to be called; of SippCall
	Contact int           // port of the contact; of SippRegister
}

// A Sipp is a sipp in a process of its own.
type Sipp struct {
	*Process
	Port int
	dir  string
}

// SippResult is what a sipp counted.
type SippResult struct {
	Successful, Failed, Retransmissions int
	Elapsed                             time.Duration
	CPU                                 time.Duration
}

// Sipp starts a sipp. It is ended with the office or when ctx ends.
func (o *Office) Sipp(ctx context.Context, l SippLoad) (*Sipp, error) {
	if err := Have("sipp", "sip-tester"); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(o.Dir, "sipp-")
	if err != nil {
		return nil, err
	}
	s := &Sipp{dir: dir, Port: l.Port}
	if s.Port == 0 {
		if s.Port, err = freeUDP(0); err != nil {
			return nil, err
		}
	}
	rtp, err := freeUDP(1)
	if err != nil {
		return nil, err
	}
	if err := s.write(l); err != nil {
		return nil, err
	}
	if l.Limit == 0 {
		l.Limit = time.Minute
	}
	// In its own folder: that is where it looks for tone.al.
	args := append(append([]string(nil), l.Prefix...), "env", "-C", dir, "sipp", "-sf", "scenario.xml", "-i", "127.0.0.1", "-p", strconv.Itoa(s.Port),
		"-mi", "127.0.0.1", "-mp", strconv.Itoa(rtp), "-nostdin", "-trace_stat", "-stf", "stat.csv", "-fd", "1",
		"-trace_err", "-error_file", "errors.log", "-timeout", strconv.Itoa(int(l.Limit.Seconds())), "-timeout_error",
		"-d", strconv.Itoa(int(l.Talk.Milliseconds())))
	if l.Server == "" {
		args = append(args, "-rtp_echo", "-aa") // and answers OPTIONS
	} else {
		args = append(args, "-inf", "rows.csv", l.Server)
	}
	for _, f := range []struct {
		flag  string
		value int
	}{{"-m", l.Calls}, {"-r", l.Rate}, {"-l", l.AtOnce}} {
		if f.value > 0 {
			args = append(args, f.flag, strconv.Itoa(f.value))
		}
	}
	if s.Process, err = startProcess(ctx, args[0], args[1:]...); err != nil {
		return nil, err
	}
	o.onClose(func() error {
		s.Kill() // it waits for calls that nobody will end
		return nil
	})
	return s, nil
}

// SippAnswerer registers accounts from one port and starts a sipp there that
// answers every call.
func (o *Office) SippAnswerer(ctx context.Context, accounts ...office.SIPAccount) (*Sipp, error) {
	return o.SippPhone(ctx, SippLoad{Scenario: SippAnswer, Limit: 10 * time.Minute}, accounts...)
}

// SippPhone registers accounts from one port and starts a sipp there that is called.
func (o *Office) SippPhone(ctx context.Context, called SippLoad, accounts ...office.SIPAccount) (*Sipp, error) {
	port, err := freeUDP(0)
	if err != nil {
		return nil, err
	}
	load := SippLoad{Scenario: SippRegister, Server: o.Ready.SIP, Port: port, Calls: len(accounts)}
	for _, a := range accounts {
		load.Rows = append(load.Rows, SippRow{Account: a, Contact: port})
	}
	register, err := o.Sipp(ctx, load)
	if err != nil {
		return nil, err
	}
	if _, err := register.Result(ctx); err != nil {
		return nil, err
	}
	called.Port = port
	return o.Sipp(ctx, called)
}

// Lines adds 2n extensions with a device each, callers from 2000 and answerers
// from 3000 on, and returns the rows with which each caller calls its answerer.
func (o *Office) Lines(ctx context.Context, n int) (callers []SippRow, answerers []office.SIPAccount, err error) {
	for i := range n {
		from, to := office.Number(strconv.Itoa(2000+i)), office.Number(strconv.Itoa(3000+i))
		var accounts [2]office.SIPAccount
		for j, number := range []office.Number{from, to} {
			if err := o.AddExtension(ctx, Person{Extension: number, Name: "Línea " + string(number), Password: rand.Text()}); err != nil {
				return nil, nil, err
			}
			if accounts[j], err = o.AddDevice(ctx, number, "sipp"); err != nil {
				return nil, nil, err
			}
		}
		callers = append(callers, SippRow{Account: accounts[0], Number: to})
		answerers = append(answerers, accounts[1])
	}
	return callers, answerers, nil
}

// write puts what sipp reads into its folder.
func (s *Sipp) write(l SippLoad) error {
	plan, err := template.ParseFS(scenarios, "testdata/"+l.Scenario+".xml")
	if err != nil {
		return err
	}
	var scenario bytes.Buffer
	if err := plan.Execute(&scenario, map[string]any{"Other": l.Other, "Digits": strings.Split(l.Digits, "")}); err != nil {
		return err
	}
	rows := []byte("SEQUENTIAL\n")
	for _, r := range l.Rows {
		field := string(r.Number)
		if l.Scenario == SippRegister {
			field = strconv.Itoa(r.Contact)
		}
		rows = fmt.Appendf(rows, "%s;[authentication username=%s password=%s];%s;%s\n",
			r.Account.Username, r.Account.Username, r.Account.Password, r.Account.Domain, field)
	}
	tone := make([]byte, 8000)
	media.PCMA.Encode(tone, media.Sine(1000, toneLevel).Sound(8000, time.Second).Samples)
	return errors.Join(
		os.WriteFile(filepath.Join(s.dir, "scenario.xml"), scenario.Bytes(), 0o600),
		os.WriteFile(filepath.Join(s.dir, "rows.csv"), rows, 0o600),
		os.WriteFile(filepath.Join(s.dir, "tone.al"), tone, 0o600),
	)
}

// Result waits for the end and returns what was counted. It is an error where
// a call failed; the text then says what sipp did not expect.
func (s *Sipp) Result(ctx context.Context) (SippResult, error) {
	ended := s.Wait(ctx)
	if ctx.Err() != nil {
		return SippResult{}, fmt.Errorf("sipp: %w", ctx.Err())
	}
	r, err := s.counts()
	r.CPU = s.CPU()
	if ended != nil || err != nil {
		log, _ := os.ReadFile(filepath.Join(s.dir, "errors.log"))
		return r, fmt.Errorf("sipp: %w; %d calls went well, %d failed; it did not expect:\n%.3000s", errors.Join(ended, err), r.Successful, r.Failed, log)
	}
	return r, nil
}

// counts reads the last line of sipp's statistics.
func (s *Sipp) counts() (SippResult, error) {
	text, err := os.ReadFile(filepath.Join(s.dir, "stat.csv"))
	if err != nil {
		return SippResult{}, err
	}
	c := csv.NewReader(bytes.NewReader(text))
	c.Comma, c.FieldsPerRecord, c.LazyQuotes = ';', -1, true
	lines, err := c.ReadAll()
	if err != nil || len(lines) < 2 {
		return SippResult{}, fmt.Errorf("statistics of sipp: %v: %.200s", err, text)
	}
	value := func(name string) string {
		for i, n := range lines[0] {
			if last := lines[len(lines)-1]; n == name && i < len(last) {
				return last[i]
			}
		}
		return ""
	}
	var r SippResult
	for name, to := range map[string]*int{
		"SuccessfulCall(C)": &r.Successful, "FailedCall(C)": &r.Failed, "Retransmissions(C)": &r.Retransmissions,
	} {
		if *to, err = strconv.Atoi(value(name)); err != nil {
			return r, fmt.Errorf("statistics of sipp: %s: %w", name, err)
		}
	}
	r.Elapsed = sippTime(value("CurrentTime")).Sub(sippTime(value("StartTime")))
	return r, nil
}

// sippTime reads "2026-11-23\t06:54:14.291684\t1795416854.291684"; the zero Time
// where it is not one.
func sippTime(s string) time.Time {
	fields := strings.Fields(s)
	if len(fields) != 3 {
		return time.Time{}
	}
	seconds, err := strconv.ParseFloat(fields[2], 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMicro(int64(seconds * 1e6))
}
