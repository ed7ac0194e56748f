package phone

import "testing"

func TestNextResponse(t *testing.T) {
	const chunk = "SIP/2.0 180 Ringing\r\nVia: SIP/2.0/TCP a\r\nCall-ID: one\r\n\r\n" +
		"BYE sip:a SIP/2.0\r\nCall-ID: two\r\n\r\n" +
		"SIP/2.0 200 OK\r\ni : three\r\n\r\nSIP/2.0 x\r\n\r\nSIP/2.0 486 Bu"
	type seen struct {
		status int
		callID string
	}
	want := []seen{{180, "one"}, {200, "three"}, {0, ""}, {486, ""}}
	rest := []byte(chunk)
	for i, w := range want {
		status, id, tail, ok := nextResponse(rest)
		if !ok || status != w.status || id != w.callID {
			t.Errorf("message %d: %d %q %v", i, status, id, ok)
		}
		rest = tail
	}
	if _, _, _, ok := nextResponse(rest); ok {
		t.Error("one too many")
	}
}

func FuzzNextResponse(f *testing.F) {
	f.Add([]byte("SIP/2.0 180 Ringing\r\nCall-ID: one\r\n\r\nSIP/2.0 20"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for n := 0; ; n++ {
			_, _, rest, ok := nextResponse(b)
			if !ok {
				return
			}
			if len(rest) >= len(b) {
				t.Fatal("no progress")
			}
			b = rest
		}
	})
}
