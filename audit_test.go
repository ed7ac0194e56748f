package trunkline

import (
	"context"
	"testing"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/telephony/phone"
	"github.com/trunkline/trunkline/tools"
)

// The transcript tells of a tool how often it was tried and how much it brought.
func TestToolsAreAudited(t *testing.T) {
	found := func(context.Context, *tools.Call) (string, error) { return "twelve bytes", nil }
	st := stage(t, setup{lookup: found})
	_, err := st.call(t, t.Context(), "+15551230001", phone.WaitBye{})
	must(t, err)
	_, lines := st.record(t, 0)
	for _, e := range lines {
		if e.Kind == store.KindToolResult && e.Tool == "lookup" {
			if e.Attempts != 1 || e.ResultBytes < 12 || e.Status != "ok" {
				t.Errorf("%+v", e)
			}
			return
		}
	}
	t.Error("no result is in the transcript")
}
