package configs

import (
	"fmt"
	"strconv"
	"strings"
)

// didYouMean is `; did you mean "x"?` when one of the words is close to what was written, else "".
func didYouMean(written string, words []string) string {
	if w, ok := closest(written, words); ok {
		return fmt.Sprintf("; did you mean %q?", w)
	}
	return ""
}

// closest finds the word that written was probably meant to be: the same but for case and punctuation, or at most a
// third of its letters wrong.
func closest(written string, words []string) (string, bool) {
	const tooLong = 64
	if written == "" || len(written) > tooLong {
		return "", false
	}
	best, found := 1+max(1, len(written)/3), ""
	for _, w := range words {
		d := distance(plain(written), plain(w))
		if d < best {
			best, found = d, w
		}
	}
	return found, found != ""
}

func plain(s string) string {
	return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(s))
}

// distance counts the letters to insert, remove, replace or swap with their neighbour that make a into b.
func distance(a, b string) int {
	before, prev := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			wrong := 1
			if a[i] == b[j] {
				wrong = 0
			}
			row[j+1] = min(prev[j]+wrong, prev[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, prev = prev, row
	}
	return prev[len(b)]
}

// quote shows a text that was written in the file, bounded and without control characters.
func quote(text string) string {
	const most = 60
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + "…"
	}
	return strconv.Quote(text)
}

// list is "a, b or c".
func list(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " " + last + " " + words[len(words)-1]
}
