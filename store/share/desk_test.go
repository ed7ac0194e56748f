package share

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/trunkline/trunkline/store"
)

func TestSearchIsThatOfTheOwner(t *testing.T) {
	o := newOwner(t)
	o.call(t, "a", 3)
	o.call(t, "b", 1)
	q := store.Query{From: began, Agents: []string{"frontdesk"}}
	want, err := store.Search(ctx, o.Store, q, "line 2", 5)
	must(t, err)
	got, err := store.Search(ctx, o.client, q, "line 2", 5)
	must(t, err)
	if len(got.Hits) != 1 || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	q.Agents = []string{} // who may see none sees none, on the way too
	if got, err := store.Search(ctx, o.client, q, "line", 5); err != nil || len(got.Hits) != 0 {
		t.Errorf("found %+v, %v", got, err)
	}
	if _, err := store.Search(ctx, o.client, q, "", 5); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("without words: %v", err)
	}
}

// hooked is an owner whose Delete does more than that of its store.
type hooked struct {
	Owner
	deleted []string
}

func (h *hooked) Delete(ctx context.Context, id string) error {
	h.deleted = append(h.deleted, id)
	return h.Owner.Delete(ctx, id)
}

func TestDeleteRunsTheHooksOfTheOwner(t *testing.T) {
	o := newOwner(t)
	must(t, o.server.Close())
	h := &hooked{Owner: o.Store}
	var err error
	o.server, err = Serve(o.path, h)
	must(t, err)
	o.call(t, "a", 1)
	o.call(t, "b", 1)
	n, err := store.DeleteCaller(ctx, o.client, "+1 555 010 0001")
	must(t, err)
	if n != 2 || fmt.Sprint(h.deleted) != "[b a]" {
		t.Errorf("deleted %d calls: %v", n, h.deleted)
	}
	if err := o.client.Delete(ctx, "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("again: %v", err)
	}
}

func TestRemarksThroughTheOwner(t *testing.T) {
	o := newOwner(t)
	o.call(t, "a", 1)
	note := line(1)
	note.Kind, note.Role, note.Author = store.KindNote, store.RoleSupervisor, "anna"
	must(t, o.client.Append(ctx, "a", note))
	must(t, o.client.Label(ctx, "a", []string{"vip", "x"}, nil))
	must(t, o.client.Label(ctx, "a", nil, []string{"x"}))
	entries, err := o.Entries(ctx, "a", line(0).ID, 0)
	must(t, err)
	c, err := o.Call(ctx, "a")
	must(t, err)
	if len(entries) != 1 || entries[0] != note || c.Tags != "vip" {
		t.Errorf("%+v with tags %q", entries, c.Tags)
	}
	if err := o.client.Label(ctx, "a", []string{"no tag"}, nil); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("a malformed tag: %v", err)
	}
	news, err := o.client.Feed(ctx, "1-0")
	must(t, err)
	if len(news) < 3 || news[0].What != store.NewsStarted || news[0].Call != "a" {
		t.Errorf("news: %+v", news)
	}
	must(t, o.client.Record(ctx, store.Audit{Who: "anna", Action: "delete", Call: "a"}))
	must(t, o.client.Record(ctx, store.Audit{Who: "bert", Action: "read", Call: "b"}))
	audits, err := o.client.Audits(ctx, "a", "", 10)
	must(t, err)
	if len(audits) != 1 || audits[0].Who != "anna" {
		t.Errorf("audits: %+v", audits)
	}
}
