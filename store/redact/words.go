package redact

import (
	"strings"
	"unicode/utf8"
)

// meaning is what a word does to a number that is being read out.
type meaning struct {
	digits string // "4" for "four", "40" for "forty"
	times  int    // "double": the next digit this many times
	filler bool   // "uh", "and then": does not end a number
	tens   bool   // "forty": a unit may follow
	inside bool   // "o": a digit only behind another one
	label  label
}

// label is what the words around a number say it is.
type label int

const (
	unnamed label = iota
	other         // an order, a price, a parcel: not for us
	phone
	social // a US social security number
	card
)

// vocabulary holds English and German, in lower case. A homophone ("to", "for") is no digit: it would be one far too
// often.
var vocabulary = map[string]meaning{}

// sieve knows which lengths the words have that begin with two given letters, in either case: most words of a talk need
// no look into the map.
var sieve [32][32]uint32

var (
	units = [][]string{
		{"zero", "oh", "null"}, {"one", "eins"}, {"two", "zwei", "zwo"}, {"three", "drei"}, {"four", "vier"},
		{"five", "fünf"}, {"six", "sechs"}, {"seven", "sieben"}, {"eight", "acht"}, {"nine", "neun"},
	}
	teens = [][]string{
		{"ten", "zehn"}, {"eleven", "elf"}, {"twelve", "zwölf"}, {"thirteen", "dreizehn"}, {"fourteen", "vierzehn"},
		{"fifteen", "fünfzehn"}, {"sixteen", "sechzehn"}, {"seventeen", "siebzehn"}, {"eighteen", "achtzehn"},
		{"nineteen", "neunzehn"},
	}
	tens = [][2]string{
		{"twenty", "zwanzig"}, {"thirty", "dreißig"}, {"forty", "vierzig"}, {"fifty", "fünfzig"}, {"sixty", "sechzig"},
		{"seventy", "siebzig"}, {"eighty", "achtzig"}, {"ninety", "neunzig"},
	}
	times   = map[string]int{"double": 2, "triple": 3, "treble": 3, "quadruple": 4, "doppel": 2, "doppelte": 2, "zweimal": 2, "dreimal": 3, "viermal": 4}
	fillers = "uh um er erm hm hmm mm and then okay so äh ähm öh und dann also dash hyphen space strich bindestrich leerzeichen"
	labels  = map[label]string{
		other: "order booking reference invoice ticket tracking parcel customer case serial zip postcode year euro euros dollar " +
			"dollars pounds percent miles people bestellung bestellnummer auftrag auftragsnummer rechnung rechnungsnummer " +
			"buchung buchungsnummer kundennummer sendungsnummer vorgangsnummer ticketnummer postleitzahl prozent jahr",
		phone:  "phone telephone mobile cell fax telefon telefonnummer handynummer rufnummer mobilnummer durchwahl",
		social: "ssn social",
		card:   "card visa mastercard amex iban karte kreditkarte kartennummer kreditkartennummer",
	}
)

func init() {
	for d, words := range units {
		add(meaning{digits: digit(d)}, words...)
	}
	for d, words := range teens {
		add(meaning{digits: "1" + digit(d)}, words...)
	}
	for d, words := range tens {
		add(meaning{digits: digit(d+2) + "0", tens: true}, words[0])
		add(meaning{digits: digit(d+2) + "0"}, words[1], strings.ReplaceAll(words[1], "ß", "ss"))
		for u, unit := range []string{"ein", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"} {
			add(meaning{digits: digit(d+2) + digit(u+1)}, unit+"und"+words[1], unit+"und"+strings.ReplaceAll(words[1], "ß", "ss"))
		}
	}
	for _, words := range units { // "Doppelvier"
		for _, w := range words {
			d := vocabulary[w].digits
			add(meaning{digits: d + d}, "doppel"+w)
		}
	}
	add(meaning{digits: "0", inside: true}, "o")
	for w, n := range times {
		add(meaning{times: n}, w)
	}
	add(meaning{filler: true}, strings.Fields(fillers)...)
	for l, words := range labels {
		add(meaning{label: l}, strings.Fields(words)...)
	}
}

func add(m meaning, words ...string) {
	for _, w := range words {
		vocabulary[w] = m
		a, b := beginning(w)
		sieve[a][b] |= 1 << len(w)
	}
}

// beginning is the first two bytes of a word without what tells upper from lower case.
func beginning(word string) (byte, byte) {
	if len(word) < 2 {
		return word[0] & 31, 0
	}
	return word[0] & 31, word[1] & 31
}

func digit(d int) string { return string(rune('0' + d)) }

// lookUp finds a word in any case, without allocating.
func lookUp(word string) meaning {
	var buf [32]byte
	if a, b := beginning(word); len(word) >= len(buf) || sieve[a][b]&(1<<len(word)) == 0 {
		return meaning{}
	}
	n := 0
	for i := 0; i < len(word); i++ {
		c := word[i]
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case i > 0 && word[i-1] == 0xC3 && (c == 0x84 || c == 0x96 || c == 0x9C): // Ä Ö Ü
			c += 0x20
		}
		buf[n] = c
		n++
	}
	return vocabulary[string(buf[:n])]
}

// isLetter reports whether r continues a word. U+FFFD is what broken bytes decode to.
func isLetter(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r >= 0xC0 && r < 0x2000 && r != 0xD7 && r != 0xF7 && r != utf8.RuneError
}
