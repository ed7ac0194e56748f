package export

import (
	"encoding/csv"
	"strings"
	"testing"
)

func TestCellsAreNoFormulas(t *testing.T) {
	for text, want := range map[string]string{
		"":             "",
		"hello":        "hello",
		"a=1":          "a=1",
		"=1+1":         "'=1+1",
		"+15551230001": "'+15551230001",
		"-2":           "'-2",
		"@SUM(A1)":     "'@SUM(A1)",
		"\t=1":         "'\t=1",
		"\rx":          "'\rx",
		"\n=1":         "'\n=1",
		"  =1":         "'  =1",
		"\u00a0=1":     "'\u00a0=1",
		"＝1":           "'＝1",
		"'=1":          "'=1",
	} {
		if got := cell(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

// TestTableIsRFC4180 reads the table with the strict parser and looks at every cell of it.
func TestTableIsRFC4180(t *testing.T) {
	s := sample()
	text := written(t, s, "csv", "c1", "c1")
	if strings.Count(text, "\n") != strings.Count(text, "\r\n") {
		t.Error("a line does not end with CR LF")
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if want := 1 + 2*len(s.lines["c1"]); len(rows) != want {
		t.Errorf("%d rows, want %d with one head", len(rows), want)
	}
	for _, row := range rows {
		for _, text := range row {
			if cell(text) != text {
				t.Errorf("cell %q is a formula", text)
			}
		}
	}
}

func FuzzCell(f *testing.F) {
	f.Add("=1")
	f.Add("\ufeff \t=cmd|' /C calc'!A0")
	f.Fuzz(func(t *testing.T, text string) {
		got := cell(text)
		if strings.TrimPrefix(got, "'") != text && got != text {
			t.Errorf("%q became %q", text, got)
		}
		if first := strings.TrimLeft(got, " "); first != "" && strings.ContainsAny(first[:1], "=+-@\t\r\n") {
			t.Errorf("%q is a formula", got)
		}
	})
}
