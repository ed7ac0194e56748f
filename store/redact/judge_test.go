package redact

import "testing"

func TestJudgements(t *testing.T) {
	for _, k := range []struct {
		name string
		got  bool
		want bool
	}{
		{"luhn", luhn([]byte("79927398713")), true},
		{"luhn, other check digit", luhn([]byte("79927398710")), false},
		{"visa", isCard([]byte("4111111111111111")), true},
		{"visa of 15", isCard([]byte("411111111111116")), false},
		{"amex", isCard([]byte("378282246310005")), true},
		{"diners", isCard([]byte("30569309025904")), true},
		{"13 digits that no card begins with", isCard([]byte("1764360000007")), false},
		{"12 digits", isCard([]byte("411111111117")), false},
		{"mastercard, lower end", issued([]byte("2221")), true},
		{"below it", issued([]byte("2220")), false},
		{"upper end", issued([]byte("2720")), true},
		{"above it", issued([]byte("2721")), false},
		{"iban", isIBAN("DE89370400440532013000"), true},
		{"iban in lower case", isIBAN("gb82west12345698765432"), true},
		{"iban with a wrong digit", isIBAN("DE89370400440532013001"), false},
		{"iban too short", isIBAN("DE89"), false},
		{"ssn", isSSN([]byte("078051120")), true},
		{"ssn of no area", isSSN([]byte("000051120")), false},
		{"ssn of area 666", isSSN([]byte("666051120")), false},
		{"ssn of no group", isSSN([]byte("078001120")), false},
		{"ssn of no serial", isSSN([]byte("078050000")), false},
	} {
		if k.got != k.want {
			t.Errorf("%s: %v", k.name, k.got)
		}
	}
}

// The words of both languages come out as the digits they stand for.
func TestReadDigits(t *testing.T) {
	for text, want := range map[string]string{
		"forty-two":                    "42",
		"Forty two oh":                 "420",
		"twenty twenty six":            "2026",
		"double four, uh, triple one":  "44111",
		"double 42":                    "442",
		"zweiundvierzig NULL zwo":      "4202",
		"ZWÖLF fünf Fünfunddreißig":    "12535",
		"dreissig":                     "30",
		"Doppel-vier doppelfünf":       "4455",
		"dreimal die Sieben":           "777",
		"five o six":                   "506",
		"o mio":                        "",
		"to for ate won a double room": "",
	} {
		var s scan
		s.read(text)
		if got := string(s.digits); got != want {
			t.Errorf("%q reads %q, want %q", text, got, want)
		}
	}
}
