package store

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"unicode"

	"github.com/cloister-dev/cloister"
)

// difference is {"field": [before, after], …} of the fields, in the words of the API, in which two structs or maps differ.
// Either may be nil: then it is all fields of the other that are set. Secrets are masked, but that one has changed is seen.
func difference(before, after any) (json.RawMessage, error) {
	out := map[string][2]any{}
	compare(out, "", reflect.ValueOf(before), reflect.ValueOf(after))
	if len(out) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("tell what has changed: %w", err)
	}
	return text, nil
}

func compare(out map[string][2]any, path string, before, after reflect.Value) {
	shape := before
	if !shape.IsValid() {
		shape = after
	}
	switch {
	case !shape.IsValid():
	case shape.Kind() == reflect.Struct && path == "":
		for i := range shape.NumField() {
			f := shape.Type().Field(i)
			if f.IsExported() && f.Name != "UpdatedAt" {
				compare(out, snake(f.Name), part(before, func(v reflect.Value) reflect.Value { return v.Field(i) }), part(after, func(v reflect.Value) reflect.Value { return v.Field(i) }))
			}
		}
	case shape.Kind() == reflect.Map && shape.Type().Key().Kind() == reflect.String:
		for _, side := range []reflect.Value{before, after} {
			if !side.IsValid() {
				continue
			}
			for _, k := range side.MapKeys() {
				at := func(v reflect.Value) reflect.Value { return v.MapIndex(k) }
				compare(out, strings.TrimPrefix(path+"."+k.String(), "."), part(before, at), part(after, at))
			}
		}
	default:
		if b, a := shown(path, before), shown(path, after); !same(before, after) {
			out[path] = [2]any{b, a}
		}
	}
}

// part is what get finds in a value, if that is there.
func part(v reflect.Value, get func(reflect.Value) reflect.Value) reflect.Value {
	if !v.IsValid() {
		return v
	}
	return get(v)
}

// same reports whether two values are equal; one that is not there is like one that was never set.
func same(a, b reflect.Value) bool {
	switch {
	case !a.IsValid() && !b.IsValid():
		return true
	case !a.IsValid():
		return b.IsZero()
	case !b.IsValid():
		return a.IsZero()
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}

// shown is a value as the trail has it.
func shown(path string, v reflect.Value) any {
	switch {
	case !v.IsValid():
		return nil
	case strings.HasSuffix(path, "hash") && !v.IsZero():
		return cloister.Secret("").String()
	}
	return v.Interface()
}

// snake is a Go name in the API's words: "InternalRouting" is "internal_routing".
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
