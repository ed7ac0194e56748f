//go:build !race

package trunkline_test

const raceDetector = false
