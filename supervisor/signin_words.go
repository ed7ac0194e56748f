package supervisor

import "strings"

// Faults that the sign-in page explains: keys of signInWords.
const (
	faultToken   = "fault_token"
	faultTooMany = "fault_too_many"
	faultOIDC    = "fault_oidc"
	faultRole    = "fault_role"
	faultIssuer  = "fault_issuer"
)

// signInWords are the words of the page in each language.
var signInWords = map[string]map[string]string{
	"en": {
		"title":      "Sign in",
		"token":      "Token",
		"hint":       "Whoever runs the service gives you one.",
		"submit":     "Sign in",
		"oidc":       "Sign in with your organisation",
		faultToken:   "This token is not known.",
		faultTooMany: "Too many attempts. Wait a minute and try again.",
		faultOIDC:    "Signing in did not work. Try again.",
		faultRole:    "Your organisation knows you, but you have no role here. Ask whoever runs the service.",
		faultIssuer:  "Your organisation's sign-in does not answer. Try again in a moment.",
	},
	"de": {
		"title":      "Anmelden",
		"token":      "Token",
		"hint":       "Sie bekommen es von denen, die den Dienst betreiben.",
		"submit":     "Anmelden",
		"oidc":       "Über Ihre Organisation anmelden",
		faultToken:   "Dieses Token ist nicht bekannt.",
		faultTooMany: "Zu viele Versuche. Warten Sie eine Minute und versuchen Sie es noch einmal.",
		faultOIDC:    "Die Anmeldung hat nicht geklappt. Versuchen Sie es noch einmal.",
		faultRole:    "Ihre Organisation kennt Sie, aber Sie haben hier keine Rolle. Fragen Sie die, die den Dienst betreiben.",
		faultIssuer:  "Die Anmeldung Ihrer Organisation antwortet nicht. Versuchen Sie es gleich noch einmal.",
	},
}

// signInLang picks the first language of Accept-Language that the page knows; weights are not looked at, since browsers
// send the best first.
func signInLang(accept string) string {
	for tag := range strings.SplitSeq(accept, ",") {
		tag, _, _ = strings.Cut(strings.TrimSpace(tag), ";")
		tag, _, _ = strings.Cut(tag, "-")
		if lang := strings.ToLower(tag); signInWords[lang] != nil {
			return lang
		}
	}
	return "en"
}
