package redact

// luhn reports whether the digits end in the check digit that ISO/IEC 7812 asks for.
func luhn(d []byte) bool {
	sum := 0
	for i := range d {
		n := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0
}

// issued reports whether a card number may begin like d: the ranges that the big schemes were given.
func issued(d []byte) bool {
	if len(d) < 4 {
		return false
	}
	n := int(d[0]-'0')*1000 + int(d[1]-'0')*100 + int(d[2]-'0')*10 + int(d[3]-'0')
	switch d[0] {
	case '4', '6':
		return true
	case '5':
		return d[1] != '9'
	case '3':
		return d[1] == '0' || d[1] >= '4'
	}
	return n >= 2221 && n <= 2720
}

// isCard reports whether d is a card number. Sixteen digits with a good check digit always are; other lengths must also
// begin like a card and have the length of their scheme, or every tenth long number would be one.
func isCard(d []byte) bool {
	if len(d) < 13 || len(d) > 19 || !luhn(d) {
		return false
	}
	if len(d) == 16 {
		return true
	}
	switch {
	case !issued(d):
		return false
	case d[0] == '4':
		return len(d) == 13 || len(d) == 19
	case d[0] == '3' && (d[1] == '4' || d[1] == '7'):
		return len(d) == 15
	case d[0] == '3' && d[1] != '5':
		return len(d) == 14
	case d[0] == '2', d[0] == '5' && d[1] >= '1' && d[1] <= '5':
		return false // sixteen only
	}
	return true
}

// hasCard looks for a card number among the groups of a run: expiry and security code may be read out with it. cuts are
// where the groups begin, as offsets in d.
func hasCard(d []byte, cuts []int, base int) bool {
	if isCard(d) {
		return true
	}
	for i, from := range cuts {
		for j := i + 1; j <= len(cuts); j++ {
			to := len(d)
			if j < len(cuts) {
				to = cuts[j] - base
			}
			n := to - (from - base)
			if n > 19 {
				break
			}
			if w := d[from-base : to]; isCard(w) && (issued(w) || j == i+1) {
				return true
			}
		}
	}
	return false
}

// isIBAN checks ISO 13616: country, two check digits, account, remainder 1 modulo 97.
func isIBAN(s string) bool {
	if len(s) < 5 {
		return false
	}
	rest, n := 0, 0
	feed := func(part string) {
		for i := range len(part) {
			switch c := part[i] | 0x20; {
			case part[i] >= '0' && part[i] <= '9':
				rest, n = (rest*10+int(part[i]-'0'))%97, n+1
			case c >= 'a' && c <= 'z':
				rest, n = (rest*100+int(c-'a')+10)%97, n+1
			}
		}
	}
	feed(s[4:])
	feed(s[:4])
	return n >= 15 && n <= 34 && rest == 1
}

// isSSN reports whether nine digits can be a US social security number.
func isSSN(d []byte) bool {
	return len(d) == 9 && string(d[:3]) != "000" && string(d[:3]) != "666" && d[0] != '9' &&
		string(d[3:5]) != "00" && string(d[5:]) != "0000"
}
