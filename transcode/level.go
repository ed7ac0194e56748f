package transcode

import "math"

// MinLevel is the level of digital silence, in dBov. RFC 6464 §3 uses the same
// floor.
const MinLevel = -127.0

// Level returns the energy of a frame in dBov: 0 is the loudest square wave the
// 16-bit scale can hold (ITU-T G.100.1), speech on a trunk sits near -26, a
// quiet line below -50. The mean value is not removed. An empty or silent frame
// gives MinLevel; for A-law, which has no zero, silence is -72. It does not
// allocate.
func Level(law Law, frame []byte) float64 {
	if len(frame) == 0 {
		return MinLevel
	}
	t := law.tables()
	var sum int64
	for _, b := range frame {
		s := int64(t.linear[b])
		sum += s * s
	}
	return levelOf(float64(sum) / float64(len(frame)))
}

// levelOf turns a mean square of 16-bit samples into dBov.
func levelOf(meanSquare float64) float64 {
	if meanSquare == 0 {
		return MinLevel
	}
	return max(MinLevel, 10*math.Log10(meanSquare/(32768*32768)))
}
