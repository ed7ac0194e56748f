//go:build race

package media

// raceDetector: its sync.Pool loses things on purpose, and what has one allocates.
const raceDetector = true
