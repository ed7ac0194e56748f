package tools

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// applyTags adds the tags enum, min, max and pattern of one field to its schema.
func applyTags(tag reflect.StructTag, s *jsonschema.Schema) error {
	item := s
	if s.Type == "array" {
		item = s.Items
	}
	var errs []error
	if v, ok := tag.Lookup("enum"); ok {
		errs = append(errs, applyEnum(v, item))
	}
	if v, ok := tag.Lookup("pattern"); ok {
		errs = append(errs, applyPattern(v, item))
	}
	lo, errLo := bound(tag, "min")
	hi, errHi := bound(tag, "max")
	errs = append(errs, errLo, errHi)
	if lo != nil && hi != nil && *lo > *hi {
		errs = append(errs, fmt.Errorf("min %v is above max %v", *lo, *hi))
	}
	return errors.Join(append(errs, applyBounds(lo, hi, s))...)
}

func applyEnum(tag string, s *jsonschema.Schema) error {
	seen := map[string]bool{}
	for word := range strings.SplitSeq(tag, "|") {
		if word == "" || seen[word] {
			return fmt.Errorf("enum %q has an empty value or one twice: write a|b|c", tag)
		}
		seen[word] = true
		v, err := enumValue(word, s.Type)
		if err != nil {
			return err
		}
		s.Enum = append(s.Enum, v)
	}
	return nil
}

func enumValue(word, typ string) (any, error) {
	switch typ {
	case "string":
		return word, nil
	case "integer":
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("enum value %q is not a whole number", word)
		}
		return n, nil
	case "number":
		return finite("enum", word)
	}
	return nil, errors.New("enum is for text and numbers")
}

func applyPattern(tag string, s *jsonschema.Schema) error {
	if s.Type != "string" {
		return errors.New("pattern is for text")
	}
	if _, err := regexp.Compile(tag); err != nil {
		return fmt.Errorf("pattern: %w", err)
	}
	s.Pattern = tag
	return nil
}

// bound reads the tag min or max.
func bound(tag reflect.StructTag, key string) (*float64, error) {
	v, ok := tag.Lookup(key)
	if !ok {
		return nil, nil
	}
	f, err := finite(key, v)
	if err != nil {
		return nil, err
	}
	return &f, nil
}

func finite(key, v string) (float64, error) {
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return 0, fmt.Errorf("%s %q is not a number", key, v)
	}
	return f, nil
}

// applyBounds puts the bounds where the type has them: value, length or number of items.
func applyBounds(lo, hi *float64, s *jsonschema.Schema) error {
	if lo == nil && hi == nil {
		return nil
	}
	if s.Type == "integer" || s.Type == "number" {
		setBound(&s.Minimum, lo)
		setBound(&s.Maximum, hi)
		return nil
	}
	low, errLow := size(lo)
	high, errHigh := size(hi)
	if err := errors.Join(errLow, errHigh); err != nil {
		return err
	}
	switch s.Type {
	case "string":
		s.MinLength, s.MaxLength = low, high
	case "array":
		s.MinItems, s.MaxItems = low, high
	default:
		return errors.New("min and max are for numbers, text and lists")
	}
	return nil
}

// setBound replaces the bound that comes from the size of the Go type, such as 0 to 255 of uint8.
func setBound(bound **float64, v *float64) {
	if v != nil {
		*bound = v
	}
}

func size(f *float64) (*int, error) {
	if f == nil {
		return nil, nil
	}
	n := int(*f)
	if float64(n) != *f || n < 0 {
		return nil, fmt.Errorf("min or max %v is not a length", *f)
	}
	return &n, nil
}
