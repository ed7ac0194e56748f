package supervisor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
)

// pageNow is the clock of the pages.
func pageNow() time.Time { return time.Now() }

// pageFuncs are what templates may call. Words are bound to the language of the set.
func pageFuncs(words pageWords) template.FuncMap {
	return template.FuncMap{
		"t":       words.say,
		"word":    words.word,
		"iso":     func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
		"utc":     func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") + " UTC" },
		"clock":   func(t time.Time) string { return t.UTC().Format("15:04:05") },
		"seconds": func(ms int) string { return words.decimal(float64(ms)/1000, secondsDigits(ms)) + " s" },
		"lasted":  lasted,
		"mos":     func(hundredths int) string { return words.decimal(float64(hundredths)/100, 1) },
		"money":   func(micros int64) string { return words.decimal(float64(micros)/1e6, 4) },
		"letters": func(text string) []string { return strings.Split(text, "") },
		"pretty":  pretty,
		"percent": func(part, of int) int { return 100 * part / max(1, of) },
		"dict":    pageDict,
		"pathof":  func(id string) string { return strings.ReplaceAll(template.URLQueryEscaper(id), "+", "%20") },
	}
}

// decimal writes a number with the language's mark.
func (w pageWords) decimal(n float64, digits int) string {
	return strings.Replace(strconv.FormatFloat(n, 'f', digits, 64), ".", w["number.mark"], 1)
}

func secondsDigits(ms int) int {
	if ms >= 10_000 {
		return 0
	}
	return 1 + btoi(ms < 1000)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// lasted writes a length of time as 1:02:03 or 2:03.
func lasted(d time.Duration) string {
	s := int(d.Round(time.Second) / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// pretty is JSON with line breaks; anything else stays as it is.
func pretty(text string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(text), "", "  ") != nil {
		return text
	}
	return b.String()
}

// pageDict makes the data of a nested template of names and values.
func pageDict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict with a name that has no value")
	}
	d := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		d[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return d, nil
}
