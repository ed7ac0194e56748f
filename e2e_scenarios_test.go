package trunkline_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/store/storetest/redisproc"
	"github.com/trunkline/trunkline/transcode"
)

// TestScenarios plays each scenario of testdata/sipp against the built program, over UDP and over TCP: what carriers and
// exchanges do, step by step, and what they must get for it. All run side by side, with the times of the RFC: some take
// a minute.
//
//	late-offer.xml   is one; the words that it has in {{ }} are below
//
// A scenario fails when a message is other than it says; the program fails when it logs an error, or keeps anything.
func TestScenarios(t *testing.T) {
	build(t)
	m := startModel(t, simulator.Options{Script: greeting("a02")})
	mover := startModel(t, simulator.Options{Script: transferScript()})
	redis := redisproc.Start(t)
	s := serveConfig(t, "scenarios.yaml", map[string]string{"E2E_MODEL": m.url, "E2E_MOVER": mover.url, "E2E_REDIS": redis.URL()})
	files, err := filepath.Glob("testdata/sipp/*.xml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	quiet := lawFile(t, transcode.PCMU, simulator.Clip{Name: "silence", Samples: make([]int16, 50*transcode.FrameBytes)})
	var plays []*play
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".xml")
		for _, transport := range []string{"udp", "tcp"} {
			if transport == "udp" || !slices.Contains(datagramsOnly, name) {
				p := &play{name: name + "/" + transport, file: filled(t, file, quiet), transport: transport, to: s.sip[transport].String()}
				p.start(t)
				plays = append(plays, p)
			}
		}
	}
	for _, p := range plays { // they all run; most of them only wait
		t.Run(p.name, p.finish)
	}
	s.idle(t)
}

// play is one scenario on its way.
type play struct {
	name, file, transport, to string
	sipp                      *process
}

func (p *play) start(t *testing.T) {
	t.Helper()
	p.sipp = sipp(t, p.file, p.transport, p.to, "-timeout", "150")
}

// finish waits for the end. When its port was taken meanwhile it begins anew.
func (p *play) finish(t *testing.T) {
	for range 10 {
		err := p.sipp.waitFor(3 * time.Minute)
		if err == nil {
			return
		}
		if !strings.Contains(failed(p.sipp), "Unable to bind") {
			t.Fatalf("%v\n%s", err, failed(p.sipp))
		}
		p.start(t)
	}
	t.Fatal("sipp finds no free port")
}

// datagramsOnly are about messages that get lost.
var datagramsOnly = []string{"lost-ack"}

// transferScript asks for the caller to be transferred, and says goodbye when that fails.
func transferScript() *simulator.Script {
	g := simulator.Answer{Do: []simulator.Action{{Call: "transfer", Arguments: map[string]string{"to": "desk", "summary": "A caller who wants a person."}}},
		Results: []simulator.Result{{Contains: "error", Answer: simulator.Answer{Do: []simulator.Action{{Say: []string{"a09"}}, {Call: "hang_up"}}}}}}
	return &simulator.Script{States: []simulator.State{{Name: "open", Greeting: &g}}}
}

// words are what the scenarios are written in; what is in square brackets is left to sipp.
//
//	initial METHOD CSEQ HEADER…    begins a message outside of a dialog, to the number of the front desk
//	to NUMBER METHOD CSEQ HEADER…  the same to another number
//	inside METHOD CSEQ HEADER…     begins a message inside the dialog
//	cancel BACK                    begins the CANCEL of the INVITE that was BACK messages ago
//	refused CSEQ                   begins the ACK for a refusal
//	reply "200 OK" HEADER…         begins the response to the request that came last
//	sdp VERSION FORMATS LINE…      ends a message with a session description
//	none                           ends one without a body
var words = template.FuncMap{
	"initial": func(method string, cseq int, headers ...string) string {
		return head(fmt.Sprintf("%s sip:%s@[remote_ip]:[remote_port] SIP/2.0", method, dialledNumber), dialledNumber, "", method, cseq, headers)
	},
	"to": func(number, method string, cseq int, headers ...string) string {
		return head(fmt.Sprintf("%s sip:%s@[remote_ip]:[remote_port] SIP/2.0", method, number), number, "", method, cseq, headers)
	},
	"inside": func(method string, cseq int, headers ...string) string {
		return head(method+" [next_url] SIP/2.0", dialledNumber, "[peer_tag_param]", method, cseq, append(headers, "[routes]"))
	},
	"cancel": func(back int) string {
		cancel := head(fmt.Sprintf("CANCEL sip:%s@[remote_ip]:[remote_port] SIP/2.0", dialledNumber), dialledNumber, "", "CANCEL", 1, nil)
		return strings.Replace(cancel, "[branch]", fmt.Sprintf("[branch-%d]", back), 1)
	},
	"refused": func(cseq int) string {
		ack := head(fmt.Sprintf("ACK sip:%s@[remote_ip]:[remote_port] SIP/2.0", dialledNumber), dialledNumber, "[peer_tag_param]", "ACK", cseq, nil)
		return regexp.MustCompile("(?m)^Via: .*$").ReplaceAllString(ack, "[last_Via:]") // it belongs to the INVITE
	},
	"reply": func(status string, headers ...string) string {
		return strings.Join(append([]string{"SIP/2.0 " + status, "[last_Via:]", "[last_From:]", "[last_To:]", "[last_Call-ID:]", "[last_CSeq:]",
			"Contact: <sip:caller@[local_ip]:[local_port];transport=[transport]>"}, headers...), "\n")
	},
	"sdp": func(version int, formats string, lines ...string) string {
		return strings.Join(append([]string{"Content-Type: application/sdp", "Content-Length: [len]", "", "v=0",
			fmt.Sprintf("o=sipp 1 %d IN IP[local_ip_type] [local_ip]", version), "s=-", "c=IN IP[media_ip_type] [media_ip]", "t=0 0",
			"m=audio [rtpstream_audio_port] RTP/AVP " + formats, "a=rtpmap:101 telephone-event/8000"}, lines...), "\n") + "\n"
	},
	"none": func() string { return "Content-Length: 0\n\n" },
}

func head(first, number, toTag, method string, cseq int, more []string) string {
	lines := append([]string{first,
		"Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=[branch]",
		"From: <sip:" + callerNumber + "@[local_ip]:[local_port]>;tag=[pid]SIPp[call_number]",
		"To: <sip:" + number + "@[remote_ip]:[remote_port]>" + toTag,
		"Call-ID: [call_id]",
		fmt.Sprintf("CSeq: %d %s", cseq, method),
		"Contact: <sip:caller@[local_ip]:[local_port];transport=[transport]>",
		"Max-Forwards: 70"}, more...)
	return strings.Join(lines, "\n")
}

// filled is a scenario for sipp.
func filled(t *testing.T, file, quiet string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := os.ReadFile("testdata/sipp/parts.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := template.New(filepath.Base(file)).Funcs(words).Parse(string(text))
	if err == nil {
		_, err = tmpl.New("parts").Parse(string(parts))
	}
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), filepath.Base(file))
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := tmpl.Execute(out, map[string]string{"Quiet": quiet}); err != nil {
		t.Fatal(err)
	}
	return path
}
