package main

import (
	"encoding/json"
	"io"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/export"
)

// printCallsJSON prints each call as one line.
func printCallsJSON(w io.Writer, calls ...store.Call) error {
	enc := json.NewEncoder(w)
	for _, c := range calls {
		if err := enc.Encode(export.CallOf(&c)); err != nil {
			return err
		}
	}
	return nil
}

// printEntriesJSON prints each entry as one line.
func printEntriesJSON(w io.Writer, entries ...store.Entry) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // arguments and results are JSON already and are read by people too
	for _, e := range entries {
		if err := enc.Encode(export.EntryOf(&e)); err != nil {
			return err
		}
	}
	return nil
}
