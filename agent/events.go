package agent

import (
	"fmt"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/transcode"
)

// receive handles one event of the model, or the loss of it.
func (c *Conversation) receive(m received, now time.Time) {
	switch {
	case m.err != nil:
		c.lost(m.link, m.err, now)
	case m.link != c.link:
		c.lateWords(m.ev, now)
		c.retell(m.ev)
	default:
		c.receiveEvent(m.ev, now)
	}
}

func (c *Conversation) receiveEvent(ev realtime.ServerEvent, now time.Time) {
	switch ev := ev.(type) {
	case *realtime.AudioDelta:
		c.audioDelta(ev, now)
	case *realtime.AudioDone:
		c.responses.ends(ev.ResponseID)
		c.finishVoice(now)
		c.playback.endPart(c.playback.find(ev.ItemID, ev.ContentIndex))
	case *realtime.SpeechStarted:
		c.scribe.spoke(ev.ItemID, now)
		c.speechStarted(ev, now)
	case *realtime.SpeechStopped:
		c.speechStopped(ev, now)
	case *realtime.AudioCommitted:
		c.committed(ev, now)
	case *realtime.ItemAdded:
		c.itemAdded(ev, now)
	case *realtime.TranscriptionCompleted:
		c.userWords(ev.ItemID, ev.Transcript, "", now)
		c.transcribed(&ev.Usage, now)
	case *realtime.TranscriptionFailed:
		c.setup.Observer.RealtimeError("transcription")
		c.userWords(ev.ItemID, "", "transcription failed", now)
	case *realtime.SessionUpdated:
		if c.handover != nil && c.handover.event != "" {
			c.voice = newVoice(c.link.law, c.setup.Law) // an update may have reset the format
			c.handedOver(nil, now)
		}
	case *realtime.ErrorEvent:
		c.errorEvent(&ev.Error, now)
	default:
		c.receiveResponse(ev, now)
	}
}

// committed is the caller's turn, which wants a reply unless it may have been a noise.
func (c *Conversation) committed(ev *realtime.AudioCommitted, now time.Time) {
	c.scribe.user(ev.ItemID, ev.PreviousItemID, now)
	if c.responses.committed() && c.barge.mayBeNoise(ev.ItemID) == nil {
		c.responses.want(wish{kind: wishReply})
	}
}

func (c *Conversation) userWords(itemID, text, status string, now time.Time) {
	c.scribe.userWords(itemID, text, status, now)
	c.judge(itemID, text, now)
}

// receiveResponse handles the events of a response's life.
func (c *Conversation) receiveResponse(ev realtime.ServerEvent, now time.Time) {
	switch ev := ev.(type) {
	case *realtime.ResponseCreated:
		if !ev.Response.OutOfBand { // nobody asks for one, and nobody must hear it
			c.doneID = ""
			c.responses.created(&ev.Response, now)
		}
	case *realtime.ResponseDone:
		if !ev.Response.OutOfBand {
			c.responseDone(&ev.Response, now)
		}
	case *realtime.OutputItemAdded:
		c.outputItem(ev.ResponseID, &ev.Item, now)
	case *realtime.OutputItemDone:
		c.responses.touch(ev.ResponseID, now)
		c.called(ev.ResponseID, ev.Item)
	case *realtime.TranscriptDelta:
		c.said(ev.Loc, ev.Delta, false, now)
	case *realtime.TranscriptDone:
		c.said(ev.Loc, ev.Transcript, true, now)
	case *realtime.TextDelta:
		c.said(ev.Loc, ev.Delta, false, now)
	case *realtime.TextDone:
		c.said(ev.Loc, ev.Text, true, now)
	case *realtime.ArgumentsDelta:
		c.responses.touch(ev.ResponseID, now)
	}
}

// audioDelta plays a piece of answer, unless its response was interrupted or cancelled.
func (c *Conversation) audioDelta(d *realtime.AudioDelta, now time.Time) {
	c.responses.touch(d.ResponseID, now)
	if !c.responses.wanted(d.ResponseID) {
		c.figures.LateAudioBytes += len(d.Audio)
		return
	}
	part := c.playback.find(d.ItemID, d.ContentIndex)
	if part == nil {
		c.finishVoice(now)
		c.voice.begin()
		part = c.playback.open(&spoken{link: c.link, responseID: d.ResponseID, itemID: d.ItemID, contentIndex: d.ContentIndex,
			protected: c.responses.current != nil && c.protects(c.responses.current.kind), arrived: now})
		c.scribe.agent(d.ItemID, d.ResponseID, now).speaks = true
		c.turn.answer(part)
	}
	c.speak(part, c.voice.hear(part, d.Audio), now)
	c.checkVoice(now)
}

// speak queues what the model says.
func (c *Conversation) speak(part *spoken, audio []byte, now time.Time) {
	if c.playback.queue(part, audio) {
		c.responses.sounded(part.responseID, now)
	}
}

// finishVoice plays what an ending part has left, which may be less than it takes to be sure.
func (c *Conversation) finishVoice(now time.Time) {
	if part, audio := c.voice.rest(); part != nil {
		c.speak(part, audio, now)
	}
}

// checkVoice notes that the server speaks another format than it confirmed. What cannot be converted is not played; the
// scheduler will find the answer silent, and the caller gets the fallback instead of noise.
func (c *Conversation) checkVoice(now time.Time) {
	v := &c.voice
	if !v.sure || v.told || v.coding == v.confirmed {
		return
	}
	v.told = true
	text := fmt.Sprintf("the model confirmed %s and speaks %s", v.confirmed, v.coding)
	c.setup.Observer.RealtimeError("format")
	c.log.Warn(text)
	c.scribe.add(store.Entry{Kind: store.KindError, Role: store.RoleSystem, Text: text}, now)
	if v.coding != transcode.UnknownCoding {
		c.happened(Converted)
	}
}

func (c *Conversation) speechStopped(ev *realtime.SpeechStopped, now time.Time) {
	c.responses.speechStopped(now)
	silence, _ := c.detection()
	// The server's clock counts the audio we appended; what was appended since is how long ago that was.
	lag := time.Duration(msOf(int(c.link.appended.Load()))-ev.AudioEndMS)*time.Millisecond + silence
	c.turn.callerStopped(now.Add(-max(lag, 0)), now)
	c.speechPaused(ev, now)
}

func (c *Conversation) itemAdded(ev *realtime.ItemAdded, now time.Time) {
	switch {
	case ev.Item.Type == realtime.ItemFunctionCallOutput:
		c.responses.outputAcknowledged()
	case ev.Item.Type == realtime.ItemMessage && ev.Item.Role == "user":
		c.scribe.user(ev.Item.ID, ev.PreviousItemID, now)
	case ev.Item.Type == realtime.ItemMessage && ev.Item.Role == "assistant":
		c.scribe.follows(ev.Item.ID, ev.PreviousItemID)
	}
}

func (c *Conversation) outputItem(responseID string, item *realtime.Item, now time.Time) {
	c.responses.touch(responseID, now)
	c.responses.begins(responseID, item.Type, now)
	if item.Type == realtime.ItemMessage && c.responses.wanted(responseID) {
		c.scribe.agent(item.ID, responseID, now)
	}
}

// said keeps the words of an answer. The whole text replaces the sum of its pieces.
func (c *Conversation) said(at realtime.Loc, text string, whole bool, now time.Time) {
	c.responses.touch(at.ResponseID, now)
	l := c.scribe.find(at.ItemID)
	if l == nil || l.whole || !c.responses.wanted(at.ResponseID) {
		return
	}
	if whole {
		l.entry.Text = text
	} else {
		l.entry.Text += text
	}
}

// responseDone is the end of a response as the server tells of it, and the only place where its outcome is known.
// A response ends once: told again of the end of one that was interrupted, before the next, its calls would look wanted.
func (c *Conversation) responseDone(resp *realtime.Response, now time.Time) {
	if resp.ID != "" && resp.ID == c.doneID {
		return
	}
	c.doneID = resp.ID
	c.responseOver(resp, now)
}

// endless closes the active response without the server, which has not told of its end in time. What still comes of it
// is dropped: nobody waits for it any more.
func (c *Conversation) endless(id string, now time.Time) {
	c.responseOver(&realtime.Response{ID: id, Status: "cancelled"}, now)
	c.responses.discarded[id] = true
}

// responseOver closes a response wherever it is known of, whoever says that it is over: its audio is complete, its calls
// run or are removed, and its lines wait for nothing.
func (c *Conversation) responseOver(resp *realtime.Response, now time.Time) {
	wanted := c.responses.wanted(resp.ID)
	calls := c.takeCalls(resp)
	c.finishVoice(now)
	cause := c.responses.done(resp, now)
	c.usage(resp.Usage, now)
	c.playback.endResponse(resp.ID)
	c.scribe.responseOver(resp, wanted)
	c.noteOutcome(resp, cause != nil && cause.tries > 0, now)
	switch {
	case resp.Status == "completed" && wanted:
		c.startTools(calls, now)
		if cause != nil && cause.end != nil {
			c.part(*cause.end, now)
		}
	default:
		c.abandon(calls)
	}
}

// abandon removes function calls that must not run: their response was interrupted, cut off or failed, so the
// arguments may be half a wish. A call left without an output would lead later answers astray.
func (c *Conversation) abandon(calls []realtime.Item) {
	for _, call := range calls {
		if !c.tools.removed[call.ID] {
			c.tools.removed[call.ID] = true
			c.send(&realtime.ItemDelete{EventID: "drop-" + call.ID, ItemID: call.ID})
		}
	}
}

// noteOutcome writes down what went wrong with a response, which may have been asked for again; cancelled is normal.
func (c *Conversation) noteOutcome(resp *realtime.Response, again bool, now time.Time) {
	switch resp.Status {
	case "failed", "incomplete":
	case "cancelled":
		c.cancelledWhileHeld = c.cancelledWhileHeld || c.barge.state == bargeHeld || c.barge.state == bargeDoubt
		return
	default:
		return
	}
	kind := resp.Reason
	if resp.Error != nil && resp.Error.Code != "" {
		kind = resp.Error.Code
	}
	c.setup.Observer.RealtimeError(resp.Status)
	c.scribe.add(store.Entry{Kind: store.KindError, Role: store.RoleSystem, Status: resp.Status, Text: kind}, now)
	c.log.Warn("response "+resp.Status, "reason", kind)
	switch {
	case kind == "content_filter" && !again:
		c.apologise(now)
	case resp.Error != nil && realtime.IsFatal(resp.Error):
		c.giveUp("model: "+resp.Error.Code, now)
	}
}

// apologise has the agent say that it cannot answer: a filter took its words, and silence is no answer. An apology that is
// filtered, too, is not repeated.
func (c *Conversation) apologise(now time.Time) {
	c.responses.failed(wish{kind: wishReply, instructions: c.desk.Profile.also(
		"You cannot answer the last question. Say so in one short, friendly sentence and ask what else you can do.")}, now)
}

// errorEvent sorts an error of the server: most change nothing, some end the conversation.
func (c *Conversation) errorEvent(e *realtime.Error, now time.Time) {
	c.responses.refused(e, now)
	if h := c.handover; h != nil && h.event != "" && e.EventID == h.event {
		c.notHandedOver("the other agent cannot take over", now)
	}
	switch {
	case e.Class() == realtime.Benign:
		c.log.Debug("server refused an event", "code", e.Code, "type", e.Type)
	case e.Class() == realtime.Fatal && !realtime.IsRetryable(e):
		c.setup.Observer.RealtimeError(e.Type)
		c.giveUp("model: "+e.Code, now)
	case e.Class() == realtime.Fatal: // the end of the session's life, which comes as a close, too
		c.log.Info("session has reached its end", "code", e.Code)
	default:
		c.setup.Observer.RealtimeError(e.Type)
		c.scribe.add(store.Entry{Kind: store.KindError, Role: store.RoleSystem, Status: e.Type, Text: e.Code}, now)
		c.log.Warn("server reported an error", "code", e.Code, "type", e.Type, "param", e.Param)
	}
}
