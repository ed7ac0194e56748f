package agent

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// variable is a place in a prompt that the call fills in, such as {{caller}} or {{header.X-Customer-Id}}.
var variable = regexp.MustCompile(`\{\{\s*([A-Za-z][A-Za-z0-9_.-]*)\s*\}\}`)

// Expand fills the variables of a prompt:
//
//	{{caller}} {{dialled}}      numbers; "unknown" when withheld
//	{{forwarded}}               number that was called first, when the call was passed on; else "none"
//	{{verification}}            what the trunk says of the caller's number, as in "passed A"; else "none"
//	{{now}} {{date}} {{time}}   of the profile's time zone: 2026-03-01 09:30 CET, 2026-03-01, 09:30
//	{{weekday}}                 Sunday
//	{{agent}} {{language}}      of the profile
//	{{header.NAME}}             a SIP header that the trunk lets through; "" when it is missing
//
// What is no variable stays as it is. Values come from the phone network: they are claims, and one that held a variable
// is not expanded again.
func Expand(text string, p *Profile, info *CallInfo, now time.Time) string {
	if !strings.Contains(text, "{{") {
		return text
	}
	if p.TimeZone != nil {
		now = now.In(p.TimeZone)
	} else {
		now = now.UTC()
	}
	return variable.ReplaceAllStringFunc(text, func(place string) string {
		name := variable.FindStringSubmatch(place)[1]
		if header, ok := strings.CutPrefix(name, "header."); ok {
			return headerValue(info.Headers, header)
		}
		switch name {
		case "caller":
			return orUnknown(info.Caller)
		case "dialled":
			return orUnknown(info.Dialled)
		case "forwarded":
			return cmp.Or(info.Forwarded, "none")
		case "verification":
			return cmp.Or(info.Verification, "none")
		case "now":
			return now.Format("2006-01-02 15:04 MST")
		case "date":
			return now.Format(time.DateOnly)
		case "time":
			return now.Format("15:04")
		case "weekday":
			return now.Weekday().String()
		case "agent":
			return p.Name
		case "language":
			return p.Language
		}
		return place
	})
}

func headerValue(headers map[string]string, name string) string {
	for have, value := range headers {
		if strings.EqualFold(have, name) {
			return value
		}
	}
	return ""
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

// filled is the profile with every text expanded for one call.
func (p Profile) filled(info *CallInfo, now time.Time) Profile {
	p = p.withDefaults()
	for _, text := range []*string{&p.Instructions, &p.Greeting, &p.Idle.Ask, &p.Idle.Goodbye, &p.Limit.Notice} {
		*text = Expand(*text, &p, info, now)
	}
	if p.Language != "" {
		p.Instructions = strings.TrimLeft(p.Instructions+fmt.Sprintf("\n\nSpeak the language %q unless the caller asks for another.", p.Language), "\n")
	}
	return p
}

// also adds an instruction for one response to those of the session, which it would replace otherwise.
func (p *Profile) also(text string) string { return strings.TrimLeft(p.Instructions+"\n\n"+text, "\n") }

// greet words the wish for the greeting.
func (p *Profile) greet() string {
	return p.also("The call has just been answered. Greet the caller now with exactly these words and nothing else: " + p.Greeting)
}
