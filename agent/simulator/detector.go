package simulator

import (
	"math"
	"slices"
)

// The grid of the detector. The real service shows 32 ms windows in its
// traces: all its times are multiples of 32, less the prefix padding.
const (
	windowMS      = 32
	windowSamples = windowMS * 8
	blockSamples  = 64 // 8 ms; a window is judged by its best three of four
	floorWindows  = 3000 / windowMS
	settleWindows = 1000 / windowMS
)

// Levels of the detector, in dB and dBov, for threshold 0.5.
const (
	speechAboveFloor = 8.0
	releaseBelow     = 4.4
	absoluteGate     = -50.0
	startFloor       = -58.0 // the highest floor believed in the first second
)

// vadEvent is what the detector found in one window.
type vadEvent uint8

const (
	nothing vadEvent = iota
	started          // speech, since onsetMS
	stopped          // silence for as long as the turn detection asks
)

// detector finds turns by energy: a window is speech when its level lies 8 dB
// above the noise floor (the 10th percentile of the last 3 s) and above
// -50 dBov; two in a row start a turn. Speech goes on while the level stays
// above the threshold less 4.4 dB. It knows no clock but the samples.
//
//	level  ───────┐          ┌──────────── threshold: max(floor+8, -50)
//	              │██████████│
//	              │██████████│┄┄┄┄┄┄┄┄┄┄┄┄ release: -4.4
//	  floor ▁▁▁▁▁▁│██████████│▁▁▁▁▁▁▁▁▁▁▁▁
//	              onset      │←silence_duration→│ stopped
type detector struct {
	highPass highPass
	windows  int       // completed since the session began
	levels   []float64 // of the last 3 s, a ring
	sorted   []float64 // scratch for the percentile
	speaking bool
	loud     int // windows in a row above the threshold, while not speaking
	quiet    int // windows in a row below the release, while speaking
	onsetMS  int
}

// window takes the next windowSamples samples.
func (d *detector) window(w []int16, threshold float64, silenceMS int) vadEvent {
	level := d.level(w)
	d.remember(level)
	d.windows++
	need := d.needed(threshold)
	if d.speaking {
		return d.whileSpeaking(level, need-releaseBelow, silenceMS)
	}
	return d.whileQuiet(level, need)
}

func (d *detector) whileQuiet(level, need float64) vadEvent {
	if level < need {
		d.loud = 0
		return nothing
	}
	if d.loud++; d.loud < 2 {
		return nothing
	}
	d.onsetMS = (d.windows - d.loud) * windowMS
	d.speaking, d.loud, d.quiet = true, 0, 0
	return started
}

func (d *detector) whileSpeaking(level, release float64, silenceMS int) vadEvent {
	if level >= release {
		d.quiet = 0
		return nothing
	}
	if d.quiet++; d.quiet*windowMS < silenceMS {
		return nothing
	}
	d.reset()
	return stopped
}

// reset forgets a turn in progress, not the floor.
func (d *detector) reset() { d.speaking, d.loud, d.quiet = false, 0, 0 }

// endMS is the end of the last window, in ms of appended audio.
func (d *detector) endMS() int { return d.windows * windowMS }

// level is the energy of the best three blocks, in dBov: one block of click or
// of pause within a syllable does not decide.
func (d *detector) level(w []int16) float64 {
	var sum, least = 0.0, math.Inf(1)
	for b := 0; b < windowSamples; b += blockSamples {
		var e float64
		for _, s := range w[b : b+blockSamples] {
			y := d.highPass.next(float64(s))
			e += y * y
		}
		sum, least = sum+e, min(least, e)
	}
	return dBov((sum - least) / (windowSamples - blockSamples))
}

func (d *detector) remember(level float64) {
	if len(d.levels) < floorWindows {
		d.levels = append(d.levels, level)
		return
	}
	d.levels[d.windows%floorWindows] = level
}

// needed is the level that counts as speech. A client's threshold moves both
// conditions: 16 dB per unit above the floor, 40 dB per unit at the gate.
func (d *detector) needed(threshold float64) float64 {
	above := speechAboveFloor + 16*(threshold-0.5)
	gate := absoluteGate + 40*(threshold-0.5)
	return max(d.floor()+above, gate)
}

// floor is the 10th percentile of the last 3 s. At the start of a session it
// may be all speech, so it is not believed to be high.
func (d *detector) floor() float64 {
	d.sorted = append(d.sorted[:0], d.levels...)
	slices.Sort(d.sorted)
	f := d.sorted[len(d.sorted)/10]
	if d.windows < settleWindows {
		return min(f, startFloor)
	}
	return f
}
