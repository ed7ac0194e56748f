package simulator

import (
	"errors"
	"fmt"
	"time"
)

// Faults are deviations that a test wants. The zero value is a service in good
// health. They come from the script, Server.SetFaults or Session.SetFaults.
type Faults struct {
	// At the upgrade.
	UpgradeStatus int           `yaml:"upgrade_status"` // 400..599: refuse with this HTTP status
	UpgradeCount  int           `yaml:"upgrade_count"`  // only so many upgrades; 0: all
	RetryAfter    time.Duration `yaml:"retry_after"`    // Retry-After of a refused upgrade, whole seconds
	UpgradeDelay  time.Duration `yaml:"upgrade_delay"`  // wait before answering the upgrade

	// Life of the session.
	ExpireAfter       time.Duration `yaml:"expire_after"`        // session_expired and close 1001; 0: after Options.SessionLife
	DropAfterSent     int           `yaml:"drop_after_sent"`     // cut the connection right after so many server events; 0: never
	DropAfterReceived int           `yaml:"drop_after_received"` // the same after so many client events but appends; the last one is lost

	// session.update.
	WrongFormat   bool `yaml:"wrong_format"`   // session.updated shows, and the server speaks, 24 kHz PCM
	ResetFormats  bool `yaml:"reset_formats"`  // an update that leaves the formats out resets them to 24 kHz PCM
	IgnoreUpdates bool `yaml:"ignore_updates"` // no answer, nothing applied

	// Transcription of the caller: "" in time; early: before the item is announced; late: after the next turn's item;
	// failed; empty: without words; never.
	Transcription string `yaml:"transcription"`

	// Responses. Counters count down, one per response.
	FailResponses   int    `yaml:"fail_responses"`   // response.done failed, without output
	FailCode        string `yaml:"fail_code"`        // its error code; "" is server_error
	SilentResponses int    `yaml:"silent_responses"` // requests that get no answer at all
	LostDone        int    `yaml:"lost_done"`        // responses without response.done; they stay active
	LateDeltas      int    `yaml:"late_deltas"`      // audio deltas that still come after a cancel, each time

	// Shape of events. All of it is legal or was seen on real servers.
	DuplicateItems  bool `yaml:"duplicate_items"`   // item events come twice
	MissingStatus   bool `yaml:"missing_status"`    // items without status and object
	MissingEventIDs bool `yaml:"missing_event_ids"` // events without event_id
	NoErrorEventID  bool `yaml:"no_error_event_id"` // error.event_id is always null
	TypeLast        bool `yaml:"type_last"`         // `type` is the last member, not the first
}

// scriptFaults are the values of Action.Fault.
var scriptFaults = []string{"close", "drop", "freeze", "expire", "garbage", "broken_frame", "unknown_event", "error"}

var transcriptionFaults = []string{"", "early", "late", "failed", "empty", "never"}

func (f *Faults) validate() error {
	var errs []error
	if f.UpgradeStatus != 0 && (f.UpgradeStatus < 400 || f.UpgradeStatus > 599) {
		errs = append(errs, fmt.Errorf("upgrade_status %d is no HTTP error", f.UpgradeStatus))
	}
	if !contains(transcriptionFaults, f.Transcription) {
		errs = append(errs, fmt.Errorf("transcription %q is none of %q", f.Transcription, transcriptionFaults))
	}
	for _, d := range []time.Duration{f.RetryAfter, f.UpgradeDelay, f.ExpireAfter} {
		if d < 0 {
			errs = append(errs, fmt.Errorf("%v is negative", d))
		}
	}
	for _, n := range []int{f.UpgradeCount, f.FailResponses, f.SilentResponses, f.LostDone, f.LateDeltas,
		f.DropAfterSent, f.DropAfterReceived} {
		if n < 0 {
			errs = append(errs, fmt.Errorf("%d is negative", n))
		}
	}
	return errors.Join(errs...)
}

// take counts one down and reports whether there was one.
func take(n *int) bool {
	if *n <= 0 {
		return false
	}
	*n--
	return true
}
