package telephony

import (
	"strings"
	"testing"
)

func TestNormalise(t *testing.T) {
	for in, want := range map[string]string{
		"+15551230001":                         "+15551230001",
		"%2B15551230001":                       "+15551230001",
		"%2b49-(30)-123.456":                   "+4930123456",
		"+49 30 123456":                        "+4930123456",
		"+49 (0) 30 123456":                    "+4930123456",
		"+49(0)30123456":                       "+4930123456",
		"0049301234567":                        "+49301234567",
		"00301":                                "00301",
		"000493012345":                         "000493012345",
		"0301234567":                           "0301234567",
		"15551230001":                          "15551230001",
		"+15551230001;npdi;rn=+15550000":       "+15551230001",
		"+15551230001;verstat=TN-Passed":       "+15551230001",
		"+15551230001;isub=12;ext=3":           "+15551230001",
		"7042;phone-context=+1-201-555":        "+12015557042",
		"7042;phone-context=\"+1201\"":         "+12017042",
		"7042;phone-context=example.com":       "7042",
		"7042;phone-context=+":                 "7042",
		"7042;phone-context=+1234567890123456": "7042",
		"+7042;phone-context=+1":               "+7042",
		"*31#;phone-context=+49":               "*31#",
		"*31#5551":                             "*31#5551",
		"%2331%23":                             "#31#",
		"front-desk":                           "front-desk",
		"front.desk;x=1":                       "front.desk",
		"alice%20smith":                        "alice%20smith",
		"%61lice":                              "alice",
		"a%00b":                                "a%00b",
		"%zz%2":                                "%zz%2",
		"%252B4930123456":                      "%252B4930123456",
		"":                                     "",
		"+":                                    "+",
		"+(0)":                                 "+0",
		"112":                                  "112",
		"123456789012345678901234567890123":    "123456789012345678901234567890123",
		"12345678901234567890;phone-context=+1234567890123": "12345678901234567890",
	} {
		if got := (Numbers{}).normalise(in); got != want {
			t.Errorf("normalise(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestNumberPlans: what trunks of five countries send, and what of it is left alone.
func TestNumberPlans(t *testing.T) {
	for name, plan := range map[string]struct {
		numbers Numbers
		want    map[string]string
	}{
		"Germany": {Numbers{Country: "49", National: "0"}, map[string]string{
			"030123456": "+4930123456", "01711234567": "+491711234567", "00442079460123": "+442079460123", "+4930123456": "+4930123456",
			"+442079460123": "+442079460123", "0800 330 1000": "+498003301000",
			"110": "110", "112": "112", "116117": "116117", "115": "115", "22833": "22833", "123456": "123456", "02 28": "0228",
			"4930123456": "4930123456", "0030": "0030", "*21*030123456#": "*21*030123456#", "00000000000": "00000000000",
			"030123456;phone-context=+49": "+4930123456", "30123456;phone-context=+49": "+4930123456",
			"030123456;phone-context=pbx.example.com": "+4930123456",
		}},
		"North America": {Numbers{Country: "1"}, map[string]string{
			"5551230001": "+15551230001", "15551230001": "+15551230001", "(555) 123-0001": "+15551230001", "01144207946012": "+44207946012",
			"+15551230001": "+15551230001", "911": "911", "988": "988", "1911": "1911", "5551234": "5551234", "0": "0", "22000": "22000",
			"1555123000": "1555123000", "115551230001": "115551230001", "00442079460123": "00442079460123",
		}},
		"France": {Numbers{Country: "33", National: "0", MinLength: 9, MaxLength: 9}, map[string]string{
			"0123456789": "+33123456789", "0033123456789": "+33123456789", "+33123456789": "+33123456789", "15": "15", "112": "112",
			"3631": "3631", "118008": "118008", "116000": "116000", "012345678": "012345678", "01234567890": "01234567890",
		}},
		"Italy": {Numbers{Country: "39"}, map[string]string{
			"0612345678": "+390612345678", "0699887766": "+390699887766", "3331234567": "+393331234567", "800123456": "+39800123456",
			"00390612345678": "+390612345678", "+390612345678": "+390612345678", "+39 (0)6 12345678": "+390612345678", "+39 06 12345678": "+390612345678",
			"112": "112", "118": "118", "116117": "116117", "892424": "892424", "40404": "40404", "390612345678": "390612345678",
		}},
		"United Kingdom": {Numbers{Country: "44", National: "0"}, map[string]string{
			"02079460123": "+442079460123", "0800 1111": "+448001111", "07700900123": "+447700900123", "00353123456": "+353123456",
			"999": "999", "101": "101", "111": "111", "118500": "118500", "442079460123": "442079460123",
		}},
		"without plus": {Numbers{Bare: true}, map[string]string{
			"442079460123": "+442079460123", "15551230001": "+15551230001", "0301234567": "0301234567", "112": "112", "1234567": "1234567",
			"1234567890123456": "1234567890123456", "00442079460123": "+442079460123",
		}},
		"without plus, in Germany": {Numbers{Country: "49", National: "0", Bare: true}, map[string]string{
			"4930123456": "+4930123456", "030123456": "+4930123456", "15551230001": "+15551230001", "116117": "116117",
		}},
		"without plus, in Italy": {Numbers{Country: "39", Bare: true}, map[string]string{
			"390612345678": "+390612345678", "0612345678": "0612345678", "15551230001": "+15551230001",
		}},
		"own prefixes": {Numbers{Country: "36", National: "06", International: "000", MinLength: 8, MaxLength: 9}, map[string]string{
			"0612345678": "+3612345678", "00049301234567": "+49301234567", "0612": "0612",
		}},
	} {
		for in, want := range plan.want {
			if got := plan.numbers.normalise(in); got != want {
				t.Errorf("%s: normalise(%q) = %q, want %q", name, in, got, want)
			}
		}
	}
}

func TestNumbersAreChecked(t *testing.T) {
	for name, n := range map[string]Numbers{
		"country":       {Country: "+49"},
		"country ":      {Country: "049"},
		"international": {International: "+"},
		"national":      {Country: "49", National: "000000"},
		"national ":     {National: "0"},
		"length":        {MinLength: 9, MaxLength: 8},
		"length ":       {MaxLength: 16},
	} {
		errs := n.check("f")
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), "f."+strings.TrimSpace(name)) {
			t.Errorf("%+v: %v", n, errs)
		}
	}
	if errs := (Numbers{Country: "49", National: "0", International: "00", MinLength: 5}).check("f"); len(errs) > 0 {
		t.Error(errs)
	}
}

func TestMask(t *testing.T) {
	for in, want := range map[string]string{"+15551230001": "********0001", "123": "***", "": "", "front-desk": "(name)"} {
		if got := mask(in); got != want {
			t.Errorf("mask(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzNumbers holds callers' text to what the rest of the program relies on: one form, and
// no number that was not dialled.
func FuzzNumbers(f *testing.F) {
	f.Add("+49-30;phone-context=+1", "49", "0", false)
	f.Add("%2B1%", "1", "1", true)
	f.Add("%%32B49(0)301234567", "39", "", false)
	f.Add("0612345678;phone-context=+39", "39", "", true)
	f.Fuzz(func(t *testing.T, user, country, national string, bare bool) {
		numbers := Numbers{Country: country, National: national, Bare: bare}
		if len(numbers.check("")) > 0 {
			numbers = Numbers{Bare: bare}
		}
		n := numbers.normalise(user)
		if again := numbers.normalise(n); again != n {
			t.Errorf("%q became %q and then %q", user, n, again)
		}
		if len(n) > len(user) && !isNumber(n) {
			t.Errorf("%q grew into %q", user, n)
		}
		written, _, _ := strings.Cut(unescape(user), ";")
		if isNumber(n) && strings.Trim(written, "+0123456789*#-.() ") != "" {
			t.Errorf("%q is no number and became %q", user, n)
		}
		if m := mask(n); len(m) > 4 && m != "(name)" && len(m) != len(n) {
			t.Errorf("mask(%q) = %q", n, m)
		}
	})
}
