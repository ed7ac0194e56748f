package configs

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// dockerSecrets is where Docker and its relatives mount secrets.
const dockerSecrets = "/run/secrets"

// readFiles puts the contents of files in the place of their names: secrets written as file:NAME, and prompts. Clips and
// certificates are found, and read by who uses them.
func (l *loader) readFiles() {
	for _, s := range l.config.slots() {
		v, ok := s.at(false)
		if !ok {
			continue
		}
		switch file := v.Addr().Interface().(type) {
		case *Secret:
			*file = NewSecret(l.secretText(s.key, file.Reveal()))
		case *URL:
			*file = NewURL(l.secretText(s.key, file.Reveal()))
		case *Clip:
			*file = l.clip(s.key, *file)
		case *File:
			*file = l.pem(s.key, *file)
		case *Document:
			*file = l.document(s.key, *file)
		}
	}
	for i := range l.config.Agents {
		l.readPrompt(&l.config.Agents[i], element("agents", i))
	}
}

// secretText is text, or what is in the file that it names. A line break at the end of the file is not part of it.
func (l *loader) secretText(key, text string) string {
	name, ok := fileName(text)
	if !ok {
		return text
	}
	places := l.secretPlaces(name)
	for _, path := range places {
		data, err := readFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		text := strings.TrimRight(string(data), "\r\n")
		switch {
		case err != nil:
			l.fault(key, "names a file that cannot be read: %s", reason(err))
		case text == "":
			l.fault(key, "names the file %s, which is empty", path)
		}
		return text
	}
	l.fault(key, "names a file that does not exist; it was looked for at %s", list(places, "and"))
	return ""
}

// secretPlaces are where a secret's file may be: with systemd credentials, Docker, Kubernetes, or beside the
// configuration.
func (l *loader) secretPlaces(name string) []string {
	if filepath.IsAbs(name) {
		return []string{name}
	}
	var places []string
	if dir := l.env["CREDENTIALS_DIRECTORY"]; dir != "" {
		places = append(places, filepath.Join(dir, name))
	}
	return append(places, filepath.Join(dockerSecrets, name), l.beside(name))
}

// beside is a path as seen from the directory of the configuration file.
func (l *loader) beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(l.marks.file), path)
}

// readPrompt fills an agent's instructions from its file.
func (l *loader) readPrompt(a *Agent, key string) {
	if a.PromptFile == "" {
		return
	}
	at := join(key, "prompt_file")
	if a.Instructions != "" {
		l.fault(at, "is given beside instructions; keep one of the two")
		return
	}
	path := l.beside(a.PromptFile)
	data, err := readFile(path)
	switch {
	case err != nil:
		l.fault(at, "cannot be read at %s: %s", path, reason(err))
	case len(data) > maxFile || !utf8.Valid(data):
		l.fault(at, "at %s is not a text of at most %d MiB in UTF-8", path, maxFile>>20)
	case strings.TrimSpace(string(data)) == "":
		l.fault(at, "at %s is empty", path)
	}
	a.Instructions = strings.TrimRight(string(data), " \t\r\n") // lines keep their numbers
	l.marks.places[join(key, "instructions")] = Where{File: path}
}

// clip is the path by which a sound file can be opened. What a file of another kind begins with is not looked into.
func (l *loader) clip(key string, name Clip) Clip {
	if name == "" {
		return ""
	}
	path := l.beside(string(name))
	head, err := readHead(path, 12)
	switch {
	case err != nil:
		l.fault(key, "cannot be read at %s: %s", path, reason(err))
	case !bytes.HasPrefix(head, []byte("RIFF")) || !bytes.HasSuffix(head, []byte("WAVE")):
		l.fault(key, "at %s is not a WAV file; convert it, such as with: ffmpeg -i IN -ar 8000 -ac 1 OUT.wav", path)
	}
	return Clip(path)
}

// pem is the path by which a PEM file can be opened. What is in it is read by who uses it, again and again: certificates
// are renewed while we run.
func (l *loader) pem(key string, name File) File {
	if name == "" {
		return ""
	}
	path := l.beside(string(name))
	data, err := readFile(path)
	switch {
	case err != nil:
		l.fault(key, "cannot be read at %s: %s", path, reason(err))
	case !bytes.Contains(data, []byte("-----BEGIN ")):
		l.fault(key, "at %s is not a PEM file, which has a line -----BEGIN …-----", path)
	}
	return File(path)
}

// document is the path by which a document can be opened; an address stays as it is.
func (l *loader) document(key string, name Document) Document {
	if name == "" || name.Remote() {
		return name
	}
	path := l.beside(string(name))
	if _, err := readHead(path, 1); err != nil {
		l.fault(key, "cannot be read at %s: %s", path, reason(err))
	}
	return Document(path)
}

// reason is an error of the file system without the path, which the message has already.
func reason(err error) string {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
