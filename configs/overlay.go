package configs

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/viper"
)

const (
	envPrefix = "TRUNKLINE_"
	envConfig = envPrefix + "CONFIG" // path of the file, see Options.Path
)

// searchPaths are the directories where trunkline.yaml is looked for.
var searchPaths = []string{".", "/etc/trunkline"}

// findFile lets viper look for trunkline.yaml in the directories. The name is given whole, because for a name without
// its ending viper would also take trunkline.toml, or the program itself.
func findFile(dirs []string) (string, error) {
	const name = "trunkline.yaml"
	v := viper.New()
	v.SetConfigName(name)
	v.SetConfigType("yaml")
	for _, dir := range dirs {
		v.AddConfigPath(dir)
	}
	var none viper.ConfigFileNotFoundError
	if err := v.ReadInConfig(); errors.As(err, &none) {
		places := make([]string, len(dirs))
		for i, dir := range dirs {
			places[i] = dir + "/" + name
		}
		return "", &NotFoundError{places}
	}
	return v.ConfigFileUsed(), nil // what is wrong with the file is found, and told better, by Parse
}

// layers has viper put flags above the environment. Keys are names of variables, which have no case and no dots to lose.
type layers struct {
	viper *viper.Viper
	flags map[string]string // variable → flag as it was given
}

func (l *loader) newLayers(overrides map[string]string) layers {
	both := layers{viper.NewWithOptions(viper.KeyDelimiter("\x00")), map[string]string{}}
	for name, value := range l.env {
		if strings.HasPrefix(name, envPrefix) && name == envName(name) && value != "" {
			both.viper.SetDefault(name, value)
		}
	}
	for path, value := range overrides {
		name := envPrefix + envName(brackets.Replace(path))
		both.flags[name] = path
		both.viper.Set(name, value)
	}
	return both
}

// brackets makes agents[frontdesk].voice the same as agents.frontdesk.voice.
var brackets = strings.NewReplacer("].", ".", "[", ".", "]", "")

// overlay lays environment and overrides over the settings of the file and reports those that set nothing.
func (l *loader) overlay(overrides map[string]string) {
	both := l.newLayers(overrides)
	known := map[string]string{} // variable → setting
	for _, s := range l.config.slots() {
		if s.env == "" || known[s.env] != "" {
			continue // two elements of one name: check reports that
		}
		known[s.env] = l.marks.pretty(s.key)
		if both.viper.IsSet(s.env) {
			l.set(s, both)
		}
	}
	l.unknownOverrides(both.flags, known)
	l.unknownVariables(known)
}

// set puts the text of the highest layer into a slot. What the file had there stays a fault if it was one.
func (l *loader) set(s slot, both layers) {
	from := Where{Env: s.env}
	if path, ok := both.flags[s.env]; ok {
		from = Where{Flag: path}
	}
	text := both.viper.GetString(s.env)
	v, _ := s.at(true)
	if err := setText(v, &s.field, text); err != nil {
		l.faultAt(from, s.key, "%s", complain(err, base(s.typ), text, false))
		return
	}
	l.marks.places[s.key] = from
}

func (l *loader) unknownOverrides(flags, known map[string]string) {
	for name, path := range flags {
		if known[name] != "" {
			continue
		}
		hint := ""
		if best, ok := closest(name, slices.Sorted(maps.Keys(known))); ok {
			hint = "; did you mean " + known[best] + "?"
		}
		l.faults = append(l.faults, Fault{Where: Where{Flag: path}, Problem: "is not a setting" + hint})
	}
}

// unknownVariables warns of variables that look like ours and set nothing: mostly a slip of the pen.
func (l *loader) unknownVariables(known map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(l.env)) {
		if !strings.HasPrefix(name, envPrefix) || l.used[name] || known[name] != "" || kubernetes.MatchString(name) {
			continue
		}
		hint := didYouMean(name, slices.Sorted(maps.Keys(known)))
		l.warnings = append(l.warnings, Fault{Where: Where{Env: name}, Problem: "sets nothing" + hint})
	}
}

// kubernetes puts such variables into every container beside a service called trunkline.
var kubernetes = regexp.MustCompile(`_SERVICE_HOST$|_SERVICE_PORT(_\w+)?$|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$`)
