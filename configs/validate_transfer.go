package configs

import "slices"

// Tools that an agent has by itself, for the list that brings each.
const (
	handOffTool  = "hand_off"
	transferTool = "transfer"
)

// ownTools leads from such a tool to its list.
var ownTools = map[string]string{handOffTool: "hand_off: [AGENT]", transferTool: "transfers: [{ name: sales, to: NUMBER }]"}

// destinations checks whom an agent may put callers through to.
func (k *checker) destinations(a *Agent, key string) {
	var names []string
	for i := range a.Transfers {
		d, at := &a.Transfers[i], element(key, i)
		names = append(names, d.Name)
		if d.To != "" && !validTarget(d.To) {
			k.fault(at+".to", "must be a number such as +4930123456, or a SIP URI such as sip:desk@pbx.example")
			continue
		}
		k.reference(at+".trunk", "trunk", d.Trunk, k.trunkNames)
		if !d.Attended && d.Trunk != "" {
			k.fault(at+".trunk", "is given for a destination that is not called first; write attended: true, or remove it")
		}
		if d.To != "" {
			k.reachable(a, d, at+".to")
		}
	}
	k.unique(key, names)
}

// reachable warns of a destination that calls of some trunk may not be sent to.
func (k *checker) reachable(a *Agent, d *Destination, key string) {
	for i := range k.Trunks {
		t := &k.Trunks[i]
		over := d.Trunk == t.Name || d.Trunk == "" && k.leads(t.Name, a.Name)
		switch {
		case !over:
		case !d.Attended && !t.MayTransfer(d.To):
			k.warn(key, "is not allowed to calls of trunk %q; add it to its transfers", t.Name)
		case d.Attended && !t.MayDial(d.To):
			k.warn(key, "may not be called over trunk %q; add it to its dials", t.Name)
		}
	}
}

// ownTool refuses the name of a tool that an agent has by itself.
func (k *checker) ownTool(name, key string) {
	if list, own := ownTools[name]; own {
		k.fault(key, "is there by itself for an agent with such a list; remove it, and write %s", list)
	}
}

// taken reports that a tool's name belongs to the program.
func (k *checker) taken(name string) bool {
	_, own := ownTools[name]
	return own || slices.Contains(k.knownTools, name)
}
