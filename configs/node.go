package configs

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds a configuration file; prompts may be long, but not this long.
const maxFile = 4 << 20

// readNode parses data into the node at the root of its only document. An empty file is an empty mapping.
func readNode(data []byte, r *report) (*yaml.Node, bool) {
	if len(data) > maxFile {
		r.fault("", "is larger than %d MiB and is surely not a configuration", maxFile>>20)
		return nil, false
	}
	if at := notText(data); at >= 0 {
		r.faultAt(r.marks.offset(data, at), "", "holds a byte that is not text; save the file as UTF-8")
		return nil, false
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return &yaml.Node{Kind: yaml.MappingNode, Line: 1, Column: 1}, true
	}
	if err == nil {
		err = dec.Decode(&more)
	}
	switch {
	case errors.Is(err, io.EOF):
		return doc.Content[0], true
	case err == nil:
		r.faultAt(Where{File: r.marks.file, Line: more.Line, Column: max(1, more.Column)}, "",
			"holds a second document; remove the line --- that begins it")
	default:
		syntaxFault(err, data, r)
	}
	return nil, false
}

// notText is the offset of the first byte that YAML does not allow, -1 when there is none. The library finds them too,
// but does not say where.
func notText(data []byte) int {
	for i := 0; i < len(data); {
		c, size := utf8.DecodeRune(data[i:])
		if c == utf8.RuneError && size == 1 || !yamlRune(c) || c == '\ufeff' && i > 0 {
			return i
		}
		i += size
	}
	return -1
}

// yamlRune reports whether c is a printable character of YAML 1.1, §5.1.
func yamlRune(c rune) bool {
	switch c {
	case '\t', '\n', '\r', 0x85:
		return true
	}
	return c >= ' ' && c < 0x7f || c >= 0xa0 && c <= 0xfffd || c >= 0x10000
}

// offset is the place of the byte at in data.
func (m *marks) offset(data []byte, at int) Where {
	before := data[:at]
	return Where{File: m.file, Line: 1 + bytes.Count(before, []byte("\n")), Column: at - bytes.LastIndexByte(before, '\n')}
}

var (
	yamlLine = regexp.MustCompile(`^line (\d+): `)
	// yamlGrammar are the messages whose line the library counts from 0; it leaves it out when it is 0.
	yamlGrammar = regexp.MustCompile(`^did not find expected (<|node content|'-' indicator|key$|',' or)`)
	yamlAnchor  = regexp.MustCompile(`^unknown anchor '(.*)' referenced`)
)

// syntaxFault turns an error of the YAML library into a fault. Only the library's own words are kept, never a piece of
// the file: it may be one of a secret.
func syntaxFault(err error, data []byte, r *report) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	at := Where{File: r.marks.file, Line: 1, Column: 1}
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		at.Line, _ = strconv.Atoi(m[1]) // digits only
		text = text[len(m[0]):]
		if yamlGrammar.MatchString(text) {
			at.Line++
		}
	}
	if m := yamlAnchor.FindStringSubmatch(text); m != nil {
		if i := bytes.Index(data, []byte("*"+m[1])); i >= 0 {
			at = r.marks.offset(data, i)
		}
	}
	r.faultAt(at, "", "is not YAML: %s", explainYAML(text))
}

// explainYAML says what a message of the library mostly means.
func explainYAML(text string) string {
	has := func(part string) bool { return strings.Contains(text, part) }
	switch {
	case yamlAnchor.MatchString(text):
		return "text that begins with * refers to an anchor that does not exist; put quotes around it"
	case has("mapping values are not allowed"):
		return "a colon is where none may be; check the indentation, or put quotes around the text"
	case has("cannot start any token"):
		return "a value begins with a character that may not begin one; indent with spaces and not tabs, or put quotes around the text"
	case has("',' or '}'") || has("',' or ']'"):
		return "a { or [ is not closed, or text inside of it, such as one with ${, needs quotes"
	case has("did not find expected key"):
		return "a line of the block here stands in another column than the rest; begin all lines of a block in one column"
	case has("unexpected end of stream"):
		return "a quote that is opened here is not closed"
	case has("unknown escape character"):
		return "text in double quotes has a \\ that means nothing; use single quotes, or write two of them"
	case has("could not find expected ':'"):
		return "a line has no colon after its key; check the indentation, or put quotes around the text"
	}
	return withoutQuotes(text)
}

var quoted = regexp.MustCompile("'[^']*'|\"[^\"]*\"|`[^`]*`")

// withoutQuotes keeps quoted signs of the grammar, such as '-' or '<document start>', and drops anything else that is
// quoted, because it may come from the file.
func withoutQuotes(text string) string {
	return quoted.ReplaceAllStringFunc(text, func(q string) string {
		if len(q) <= 3 || strings.HasPrefix(q, "'<") && strings.HasSuffix(q, ">'") {
			return q
		}
		return "…"
	})
}
