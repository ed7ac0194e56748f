//go:build !race

package telephony

const raceDetector = false
