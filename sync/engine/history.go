package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"timbre/internal/office"
	"timbre/sync/jmap"
	"timbre/sync/local"
)

// A page is the next part of a full read: the objects behind p.read.After, newest
// first, with the state as it was before they were read.
type page struct {
	p                 *pulling
	state, query, get string // the calls

	first   jmap.GetResponse // the answers
	objects local.Objects
	last    office.ID // of the objects; empty where there are none
	ends    bool      // there are no more behind them
}

// page returns the part that reads the next page, unless the read is over.
func (p *pulling) page() part {
	g := &page{p: p}
	return part{
		of:  p.t,
		add: g.add,
		take: func(ctx context.Context, response *jmap.Response) (bool, error) {
			if p.over {
				return true, nil
			}
			err := g.hear(response)
			if err == nil {
				err = g.keep(ctx)
			}
			if isMethodError(err, jmap.AnchorNotFound) { // that object is gone
				return true, p.again(ctx)
			}
			return g.ends, err // what changed meanwhile
		},
	}
}

func (g *page) add(r *jmap.Request) {
	p, name := g.p, string(g.p.t)+"/query"
	args := jmap.QueryArgs{AccountID: p.x.account(), Limit: &p.size}
	if p.read.After != "" {
		args.Anchor, args.AnchorOffset = (*jmap.ID)(&p.read.After), 1
	}
	g.state = r.Call(string(p.t)+"/get", jmap.GetArgs{AccountID: p.x.account(), IDs: []jmap.ID{}})
	g.query = r.Call(name, args)
	g.get = r.Call(string(p.t)+"/get", jmap.GetArgs{AccountID: p.x.account(), IDsOf: &jmap.ResultReference{ResultOf: g.query, Name: name, Path: "/ids"}})
}

// hear reads the answers.
func (g *page) hear(response *jmap.Response) error {
	var ids jmap.QueryResponse
	var got jmap.GetResponse
	if err := response.Find(g.query, &ids); err != nil {
		return err
	}
	if err := errors.Join(response.Find(g.state, &g.first), response.Find(g.get, &got)); err != nil {
		return err
	}
	if n := len(ids.IDs); n > 0 {
		g.last = office.ID(ids.IDs[n-1])
	}
	g.ends = len(ids.IDs) == 0 || ids.Limit == nil && len(ids.IDs) < g.p.size
	g.objects = g.p.x.l.mirror.Parse(g.p.t, got.List)
	return nil
}

// keep adds what was heard to the mirror.
func (g *page) keep(ctx context.Context) error {
	mirror := g.p.x.l.mirror
	if err := mirror.AddRead(ctx, g.p.read, g.first.State, g.objects, g.last); err != nil {
		return err
	}
	if g.ends {
		return mirror.EndRead(ctx, g.p.read)
	}
	if g.comesAgain() {
		return fmt.Errorf("%w: the same page again", office.ErrUnavailable)
	}
	return nil
}

// comesAgain reports whether the read goes in a circle: a page that ends where
// another did is followed by the same ones, for ever.
func (g *page) comesAgain() bool {
	p := g.p
	if g.last == "" {
		return false
	}
	places := p.x.places[p.t]
	if places == nil || p.read.After == "" { // from the top
		places = &circle[office.ID]{}
		places.closes(p.read.After)
		p.x.places[p.t] = places
	}
	return g.last == p.read.After || places.closes(g.last)
}

// history reads on in all full reads, at most pagesBetween pages of each, and not
// beyond what happens meanwhile, here or there. While one page is written the
// next one is under way.
//
// Nothing else of this process may change the lists in between: what was asked for
// before a change and is written after it would bring the old back. Where another
// process does, the page is stale.
func (x *exchange) history(ctx context.Context) error {
	pages, err := x.readings(ctx)
	if err != nil {
		return err
	}
	ahead, stop := context.WithCancel(ctx)
	coming := x.fetch(ahead, pages)
	defer func() {
		stop()
		coming()
	}()
	for n := 1; len(pages) > 0; n++ {
		err := coming()
		if isMethodError(err, jmap.AnchorNotFound) {
			return nil // the next round finds the same, and begins anew
		}
		if err != nil {
			return methodFailure(err)
		}
		var next []*page
		if n < pagesBetween && !x.e.isWoken() {
			next = behind(pages)
		}
		coming = x.fetch(ahead, next)
		for _, g := range pages {
			if err := g.keep(ctx); err != nil {
				return err
			}
		}
		x.e.tell(ctx, x.l)
		pages = next
	}
	return nil
}

// behind returns the pages behind those that were heard, where there are more.
func behind(pages []*page) (next []*page) {
	for _, g := range pages {
		if !g.ends {
			p := *g.p
			p.read = p.read.Next(g.first.State, g.last)
			next = append(next, &page{p: &p})
		}
	}
	return next
}

// readings returns the next page of each full read that goes on, but those that
// are read at once.
func (x *exchange) readings(ctx context.Context) (pages []*page, err error) {
	for _, t := range local.Lists {
		if x.l.lacks(t) || t == local.ExtensionType {
			continue
		}
		p, reading, err := x.pulling(ctx, t)
		if err != nil {
			return nil, err
		}
		if reading && p.read.After != "" {
			pages = append(pages, &page{p: p})
		}
	}
	return pages, nil
}

// fetch begins to ask for pages; the function that it returns waits until they are
// heard.
func (x *exchange) fetch(ctx context.Context, pages []*page) (wait func() error) {
	if len(pages) == 0 {
		return func() error { return nil }
	}
	return beside(func() error {
		r := &jmap.Request{Using: []string{jmap.Core, office.Capability}}
		for _, g := range pages {
			g.add(r)
		}
		response, err := x.ask(ctx, r)
		if err != nil {
			return err
		}
		for _, g := range pages {
			if err := g.hear(response); err != nil {
				return err
			}
		}
		return nil
	})
}

// beside runs fn beside its caller, who must call wait. A panic, which no answer
// of a server should be able to cause, is an error.
func beside(fn func() error) (wait func() error) {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- fmt.Errorf("%w: panic: %v", office.ErrUnavailable, p)
			}
		}()
		done <- fn()
	}()
	return sync.OnceValue(func() error { return <-done })
}
