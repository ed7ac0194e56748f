// Command booking answers calls and books appointments, each once: whether the model asks twice, the connection is replaced
// or the caller cuts in.
//
//	free_hours        looks something up: may be cancelled, repeated, run twice at once
//	book_appointment  changes the world: every option in [Tools] is there for one way in which phones go wrong
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"os/signal"
	"syscall"
	"time"

	"github.com/trunkline/trunkline"
	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/tools"
)

func main() {
	slow := flag.Duration("slow", 0, "how long the diary takes, to hear what the agent says meanwhile")
	flag.Parse()
	diary := NewDiary()
	diary.slow = after(*slow)
	if err := serve(diary); err != nil {
		log.Fatal(err)
	}
}

// serve answers calls as ./trunkline.yaml or the file in TRUNKLINE_CONFIG says, until Ctrl-C.
func serve(diary *Diary) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	registry, err := Tools(diary)
	if err != nil {
		return err
	}
	cfg, err := configs.Load(configs.Options{KnownTools: registry.Names()})
	if err != nil {
		return err
	}
	return trunkline.Run(ctx, cfg, trunkline.WithTools(registry), trunkline.WithLogger(slog.Default()))
}

// after waits for d, or until its context ends.
func after(d time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Date is what the model says to look a day up. The schema is made of the type and its tags, and checked before the handler
// runs: a model that writes "tomorrow" is told what a day looks like, and the handler never sees it.
type Date struct {
	Day string `json:"day" jsonschema:"day, YYYY-MM-DD" pattern:"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"`
}

// Appointment is what the model says to book.
type Appointment struct {
	Date
	Hour int    `json:"hour" jsonschema:"full hour at which it begins, on the 24-hour clock" min:"9" max:"16"`
	Name string `json:"name" jsonschema:"whom it is for, as the caller spelled it" min:"1" max:"80"`
}

// Tools are the tools of this agent.
func Tools(diary *Diary) (*tools.Registry, error) {
	h := handlers{diary}
	r := tools.NewRegistry()
	return r, errors.Join(
		tools.Add(r, "free_hours", "Lists the hours of a day that are free.", h.freeHours),
		tools.Add(r, "book_appointment", "Books one hour. Read day, hour and name back to the caller before.", h.book,
			// The caller hears "so that is Monday at ten" to the end before anything is done, and can still say no.
			tools.AfterTurn(),
			// From then on "wait, actually…" does not leave a booking half made.
			tools.OnInterrupt(tools.Finish),
			// The same booking asked for again is not made again; while the first one runs, both get its outcome.
			// Without it, tools.OnDuplicate(tools.Reject) would refuse the second while the first runs, and no longer.
			tools.Once(),
			// Silence on the telephone is a dead line.
			tools.SayAfter(1500*time.Millisecond, "One moment, I am writing that down."),
			tools.SayOnFailure("I am sorry, I cannot reach our diary."),
			// Who comes is nobody's business who reads logs and transcripts. The handler gets the name all the same.
			tools.Redact("name"),
			tools.Timeout(20*time.Second),
		),
	)
}

// handlers are the functions behind the tools. Static.
type handlers struct{ diary *Diary }

func (h handlers) freeHours(_ context.Context, _ *tools.Call, in Date) ([]int, error) {
	return h.diary.Free(in.Day), nil
}

// book makes the appointment. What it returns the model reads, and of errors those of tools.Tell alone: an error of a
// database, with its host names and statements, goes to the log, and the model hears "the tool failed" with a reference.
func (h handlers) book(ctx context.Context, c *tools.Call, in Appointment) (string, error) {
	// c.Invocation is the idempotency key. With Once it is the same for the same booking in the same phone call, however
	// often the model asks, so that a diary that keeps it cannot book twice even where our memory of the call is lost.
	slot := Slot{in.Day, in.Hour}
	b, err := h.diary.Book(ctx, c.Invocation, Booking{slot, in.Name})
	switch {
	case errors.Is(err, errTaken):
		return "", tools.Tell("this slot is taken; on that day these hours are free: %v", h.diary.Free(in.Day))
	case errors.Is(err, errClosed):
		return "", tools.Tell("nobody works then; appointments are Monday to Friday, from %d to %d", opens, closes)
	case err != nil:
		return "", fmt.Errorf("book %s: %w", slot, err)
	}
	c.Logger().Info("booked") // with the tool and the invocation, and without the name
	return "booked for " + b.Slot.String(), nil
}
