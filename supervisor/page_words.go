package supervisor

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

//go:embed lang/*.json
var pageLanguages embed.FS

// plainLanguage is the one for whom wants none of ours.
const plainLanguage = "en"

// languageCookie keeps the choice of a reader.
const languageCookie = "language"

// pageWords are the words of one language. Keys have dots between the parts; {name} stands for a value.
type pageWords map[string]string

// readPageWords reads the catalogue. Languages that do not say the same are an error.
func readPageWords() (map[string]pageWords, error) {
	files, err := pageLanguages.ReadDir("lang")
	if err != nil {
		return nil, err
	}
	all := map[string]pageWords{}
	for _, f := range files {
		text, err := pageLanguages.ReadFile("lang/" + f.Name())
		if err != nil {
			return nil, err
		}
		words := pageWords{}
		if err := json.Unmarshal(text, &words); err != nil {
			return nil, fmt.Errorf("lang/%s: %w", f.Name(), err)
		}
		all[strings.TrimSuffix(f.Name(), path.Ext(f.Name()))] = words
	}
	return all, agreed(all)
}

// agreed reports a key or a placeholder that a language has and another has not.
func agreed(all map[string]pageWords) error {
	plain := all[plainLanguage]
	for lang, words := range all {
		for key := range words {
			if _, ok := plain[key]; !ok {
				return fmt.Errorf("lang/%s.json: %q is not in %s.json", lang, key, plainLanguage)
			}
		}
		for key, text := range plain {
			if !slices.Equal(placeholders(words[key]), placeholders(text)) || words[key] == "" {
				return fmt.Errorf("lang/%s.json: %q is missing or has other placeholders than %s.json", lang, key, plainLanguage)
			}
		}
	}
	return nil
}

// placeholders are the names between braces, in alphabetical order.
func placeholders(text string) (names []string) {
	for _, part := range strings.Split(text, "{")[1:] {
		name, _, _ := strings.Cut(part, "}")
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// say is the text of a key, with pairs of names and values put in. A key that is not there is an error of the template.
func (w pageWords) say(key string, pairs ...any) (string, error) {
	text, ok := w[key]
	if !ok || len(pairs)%2 != 0 {
		return "", fmt.Errorf("no words for %q, or a value without a name", key)
	}
	for i := 0; i < len(pairs); i += 2 {
		text = strings.ReplaceAll(text, "{"+fmt.Sprint(pairs[i])+"}", fmt.Sprint(pairs[i+1]))
	}
	return text, nil
}

// word translates a name that the store uses, such as a status; what is not in the catalogue is shown as it is.
func (w pageWords) word(group string, name any) string {
	plain := fmt.Sprint(name)
	if text := w[group+"."+strings.ReplaceAll(plain, " ", "_")]; text != "" {
		return text
	}
	return plain
}

// scripts are the words that scripts need, as JSON.
func (w pageWords) scripts() string {
	some := maps.Clone(w)
	maps.DeleteFunc(some, func(key, _ string) bool { return !strings.HasPrefix(key, "js.") })
	text, err := json.Marshal(some)
	if err != nil {
		panic(err) // a map of strings always goes
	}
	return string(text)
}

// language is the reader's choice, else the first of the browser's languages that there is.
func (p *pages) language(r *http.Request) string {
	if c, err := r.Cookie(languageCookie); err == nil && p.words[c.Value] != nil {
		return c.Value
	}
	for tag := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, _, _ = strings.Cut(strings.TrimSpace(tag), ";")
		tag, _, _ = strings.Cut(tag, "-")
		if lang := strings.ToLower(tag); p.words[lang] != nil {
			return lang
		}
	}
	return plainLanguage
}

// chooseLanguage keeps a choice and goes back to where it was made.
func (p *pages) chooseLanguage(w http.ResponseWriter, r *http.Request) {
	lang, back := r.PostFormValue("language"), r.PostFormValue("back")
	if p.words[lang] == nil {
		http.Error(w, http.StatusText(http.StatusBadRequest), http.StatusBadRequest)
		return
	}
	if !strings.HasPrefix(back, "/") || strings.HasPrefix(back, "//") || strings.ContainsAny(back, "\\\r\n\t") {
		back = "/"
	}
	http.SetCookie(w, &http.Cookie{Name: languageCookie, Value: lang, Path: "/", MaxAge: int((365 * 24 * time.Hour).Seconds()),
		HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, back, http.StatusSeeOther)
}
