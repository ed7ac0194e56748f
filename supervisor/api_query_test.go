package supervisor

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

func TestEveryFilterIsRead(t *testing.T) {
	query := url.Values{"from": {"2026-11-25"}, "to": {"2026-11-25T09:00:00+01:00"}, "agent": {"sales"}, "caller": {"+1 555"}, "dialled": {"+2"}, "tag": {"vip"},
		"ended_by": {"caller"}, "cause": {"Busy"}, "min_duration": {"90s"}, "max_duration": {"10m"}, "live": {"true"}, "limit": {"7"}, "cursor": {"5~c"}}
	r := httptest.NewRequest("GET", "/?"+query.Encode(), nil)
	r = r.WithContext(apiPeople["val"].with(r.Context()))
	got, err := queryOf(r)
	if err != nil {
		t.Fatal(err)
	}
	got.To = got.To.UTC()
	want := store.Query{From: time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC), Agent: "sales", Agents: []string{"sales"},
		Caller: "+1 555", Dialled: "+2", Tag: "vip", EndedBy: "caller", Cause: "Busy", Live: true, MinDuration: 90 * time.Second, MaxDuration: 10 * time.Minute,
		Limit: 7, Cursor: "5~c"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n%+v, want\n%+v", got, want)
	}
	for i := range reflect.TypeFor[store.Query]().NumField() {
		if reflect.ValueOf(want).Field(i).IsZero() {
			t.Errorf("%s is a filter that this test forgets", reflect.TypeFor[store.Query]().Field(i).Name)
		}
	}
}

func TestFaultyParametersAreNamed(t *testing.T) {
	s := newAPIStand(t)
	s.begin(store.Call{ID: "rec", Agent: "sales"})
	for query, place := range map[string]string{
		"calls?from=yesterday": "from", "calls?to=1": "to", "calls?from=0001-01-01": "from", "calls?limit=0": "limit", "calls?limit=501": "limit", "calls?limit=x": "limit",
		"calls?cursor=x": "cursor", "calls?live=1": "live", "calls?min_duration=90": "min_duration", "calls?max_duration=-1s": "max_duration",
		"calls?tag=Not%20One": "tag", "calls?agnet=sales": "agnet", "calls?caller=1&caller=2": "caller",
		"calls/rec/entries?after=5": "after", "calls/rec/entries?limit=1001": "limit", "calls/rec/entries?from=2026-11-25": "from",
		"calls/rec/export?format=pdf": "format", "calls/rec/peaks?n=4001": "n", "calls/rec/peaks?n=0": "n",
		"search": "q", "search?q=x": "q", "search?q=%20%20%20": "q", "search?q=word&limit=101": "limit",
		"stats?from=2026-11-25&to=2026-11-25": "from", "stats?from=2020-01-01&to=2026-11-25": "from", "audit?limit=501": "limit", "audit?cal=x": "cal", "feed?after=1-0": "after",
	} {
		if p := s.refused(http.StatusBadRequest, "ada", "GET", query, ""); p.Place != place {
			t.Errorf("%s is refused for %q, want %q", query, p.Place, place)
		}
	}
	s.refused(http.StatusBadRequest, "ada", "DELETE", "callers", "")
	s.refused(http.StatusBadRequest, "ada", "DELETE", "callers?number=%20-%20", "")
}

// FuzzQuery holds every query string to one of two: a problem that names its place, or a query that a store takes.
func FuzzQuery(f *testing.F) {
	f.Add("from=2026-11-25&to=2026-11-26T00:00:00Z&agent=a&agent=b&min_duration=90s&live=true&cursor=5~c")
	f.Add("limit=1e3&cursor=~&%zz=;&tag=\x00")
	f.Fuzz(func(t *testing.T, raw string) {
		r := &http.Request{URL: &url.URL{RawQuery: raw}}
		r = r.WithContext(apiPeople["val"].with(t.Context()))
		q, err := queryOf(r)
		var p *problem
		if err != nil {
			if !errors.As(err, &p) || p.Status != http.StatusBadRequest || p.Place == "" {
				t.Errorf("error %v", err)
			}
			return
		}
		if _, err := store.PageOf(q, []store.Call{{ID: "c", Agent: "other", Started: apiBegan}}); err != nil || q.Limit < 1 || q.Limit > store.MaxPage {
			t.Errorf("%+v: error %v", q, err)
		}
		if q.Match(&store.Call{ID: "c", Agent: "other", Started: apiBegan}) {
			t.Errorf("%q shows the calls of another agent", raw)
		}
	})
}
