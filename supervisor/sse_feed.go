package supervisor

import (
	"context"
	"net/http"
	"time"
)

// feed tells what happens to the calls that the user may see:
//
//	event: ready    the stream stands: load the list of running calls now, what comes is newer
//	event: call     something happened to a call: its record and last lines
//	event: lagged   something was missed: load the list anew
//
// They have an id to resume behind; a client that resumes gets what it missed and no greeting. Records come whole, so that what is told twice does no harm.
func (a *api) feed(w http.ResponseWriter, r *http.Request) error {
	if err := only(r); err != nil {
		return err
	}
	user := userOf(r.Context())
	leave, err := a.streams.enter(user)
	if err != nil {
		return err
	}
	defer leave()
	if err := a.record(r, "feed", nil, ""); err != nil {
		return err
	}
	ctx, stop := until(r, w, a.streams.life)
	defer stop()
	wall, greeting, place, missed := a.hub.join(user, r.Header.Get("Last-Event-ID"))
	defer a.hub.leave(wall)
	out, err := openSSE(ctx, w)
	if err == nil && r.Method != http.MethodHead {
		err = a.show(ctx, out, wall, greeting, place, missed)
	}
	if err != nil && ctx.Err() == nil {
		a.Log.Debug("a wall broke off; the client resumes", "err", err)
	}
	return nil // the answer has begun
}

type nothing struct{}

// show writes until the client leaves or the server closes.
func (a *api) show(ctx context.Context, out *sse, w *wall, greeting, place string, missed []hubEvent) error {
	if greeting != "" {
		if err := out.event(greeting, place, nothing{}); err != nil {
			return err
		}
	}
	for _, e := range missed {
		if !e.sees(w.user) {
			continue
		}
		if err := out.write(e.frame); err != nil {
			return err
		}
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		err := error(nil)
		select {
		case <-ctx.Done():
			return nil
		case <-beat.C:
			err = out.beat()
		case e := <-w.queue:
			if w.fellBehind() {
				a.hub.lagged.Add(1)
				err = out.event(wallLagged, a.hub.position(), nothing{})
			} else {
				err = out.write(e.frame)
			}
		}
		if err != nil {
			return err
		}
	}
}
