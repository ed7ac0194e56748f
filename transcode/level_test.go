package transcode

import (
	"math"
	"testing"
)

func TestLevel(t *testing.T) {
	loud := []byte{0x80, 0x00, 0x80, 0x00} // ±32124, the loudest µ-law square wave
	for _, c := range []struct {
		name  string
		frame []byte
		want  float64
	}{
		{"nothing", nil, MinLevel},
		{"silence", []byte{0xFF, 0xFF, 0x7F}, MinLevel},
		{"full square", loud, -0.17},
		{"sine of half scale", tone(PCMU, 100, 16384, 0, 800), -9.03},
		{"sine of a hundredth", tone(PCMU, 100, 327.68, 0, 800), -43.01},
	} {
		if got := Level(PCMU, c.frame); math.Abs(got-c.want) > 0.2 {
			t.Errorf("%s: %.2f dBov, want %.2f", c.name, got, c.want)
		}
	}
}

func TestLevelIsTheSameInBothLaws(t *testing.T) {
	for _, amplitude := range []float64{100, 1000, 10000, 30000} {
		u := Level(PCMU, tone(PCMU, 300, amplitude, 0, 800))
		a := Level(PCMA, tone(PCMA, 300, amplitude, 0, 800))
		if math.Abs(u-a) > 0.3 {
			t.Errorf("amplitude %.0f: %.2f against %.2f dBov", amplitude, u, a)
		}
	}
}
