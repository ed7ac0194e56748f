package simulator

// DefaultScript is the order line of Northwind Support: opening hours, the
// state of an order by its number (tool order_status), and goodbye (tool
// hang_up). It is a fresh copy that may be changed.
//
//	open ── where is my order? ──► number ── 4271 ──► order_status ──► open
//	 │ ▲                                                  │ not found ► number
//	 └─┘ opening hours                     goodbye (anywhere) ──► hang_up
func DefaultScript() *Script {
	return &Script{
		Start: "open",
		States: []State{
			{Name: "open", Greeting: say("a01"), Heard: openingLines()},
			{Name: "number", Heard: numberLines()},
		},
		Anywhere: append(append(openingLines(), numberLines()...), closingLines()...),

		Otherwise: say("a10"),
		Idle:      say("a08"),
		OutOfBand: &Answer{Do: []Action{{Text: "The caller talked to the order line."}}},
	}
}

func say(clips ...string) *Answer { return &Answer{Do: []Action{{Say: clips}}} }

func openingLines() []Heard {
	askNumber := *say("a03")
	askNumber.Goto = "number"
	return []Heard{
		{Says: []string{"c01", "c02"}, Answer: *say("a02")},
		{Says: []string{"c03", "c04"}, Answer: askNumber},
	}
}

// numberLines look the order up. Only one order is ever found: the clip that
// tells where an order is names its number.
func numberLines() []Heard {
	look := []Action{
		{Say: []string{"a04"}},
		{Call: "order_status", Arguments: map[string]string{"order": "{digits}"}},
	}
	notFound := Result{Answer: *say("a06")}
	notFound.Goto = "number"
	found := Result{Contains: "shipped", Answer: *say("a05", "a08")}
	found.Goto = "open"
	return []Heard{
		{Says: []string{"c05"}, Contains: "4271", Answer: Answer{Do: look, Results: []Result{found, notFound}}},
		{Says: []string{"c06", "c15"}, Answer: Answer{Do: look, Results: []Result{notFound}}},
	}
}

func closingLines() []Heard {
	goodbye := Answer{Do: []Action{{Say: []string{"a09"}}, {Call: "hang_up"}}}
	return []Heard{
		{Says: []string{"c07", "c08", "c14"}, Answer: *say("a07")},
		{Says: []string{"c09", "c16"}, Answer: *say("a08")},
		{Says: []string{"c10", "c11", "c12"}, Answer: goodbye},
		{Says: []string{"c13"}, Answer: Answer{Do: []Action{{Repeat: true}}}},
	}
}
