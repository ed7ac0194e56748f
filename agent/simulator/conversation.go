package simulator

import "slices"

// conversation is the ordered list of items. Owned by one session.
type conversation struct{ items []*item }

func (c *conversation) find(id string) *item {
	for _, it := range c.items {
		if it.id == id {
			return it
		}
	}
	return nil
}

func (c *conversation) call(callID string) *item {
	for _, it := range c.items {
		if it.kind == "function_call" && it.callID == callID {
			return it
		}
	}
	return nil
}

// writing is what the text messages of the client say.
func (c *conversation) writing() (texts []string) {
	for _, it := range c.items {
		if text := it.words(); it.kind == "message" && text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}

// last is the id of the last item, or "".
func (c *conversation) last() string {
	if len(c.items) == 0 {
		return ""
	}
	return c.items[len(c.items)-1].id
}

// append adds it at the end and returns the id of the item before it.
func (c *conversation) append(it *item) (previous string) {
	previous = c.last()
	c.items = append(c.items, it)
	return previous
}

// insert adds it after the named item: "" is the end and, in GA, "root" the
// front. It reports false when there is no such item.
func (c *conversation) insert(it *item, after string, ga bool) (previous string, ok bool) {
	switch {
	case after == "":
		return c.append(it), true
	case after == "root" && ga:
		c.items = slices.Insert(c.items, 0, it)
		return "", true
	}
	i := slices.IndexFunc(c.items, func(x *item) bool { return x.id == after })
	if i < 0 {
		return "", false
	}
	c.items = slices.Insert(c.items, i+1, it)
	return after, true
}

func (c *conversation) remove(id string) bool {
	n := len(c.items)
	c.items = slices.DeleteFunc(c.items, func(x *item) bool { return x.id == id })
	return len(c.items) < n
}

// accept checks a client's item against the conversation: ids are new, outputs
// belong to a call that has none yet.
func (c *conversation) accept(it *item) *refusal {
	if it.id != "" && c.find(it.id) != nil {
		return refuse(codeDuplicateItem, "item.id", "Error adding item: an item with id '%s' already exists.", it.id)
	}
	switch it.kind {
	case "function_call":
		if it.callID != "" && c.call(it.callID) != nil {
			return refuse(codeToolCallID, "item.call_id", "Tool call ID '%s' is used already.", it.callID)
		}
	case "function_call_output":
		call := c.call(it.callID)
		if call == nil {
			return refuse(codeToolCallID, "item.call_id", "Tool call ID '%s' not found in conversation.", it.callID)
		}
		if call.done {
			return refuse(codeToolCallID, "item.call_id", "Tool call ID '%s' has its output already.", it.callID)
		}
	}
	return nil
}

// truncate cuts an assistant item to ms of audio and deletes its transcript:
// the model shall not know words that nobody heard.
func (c *conversation) truncate(id string, contentIndex, ms int) *refusal {
	it := c.find(id)
	if it == nil {
		return refuse(codeTruncateItem, "item_id", "Error truncating item: the item with id '%s' does not exist.", id)
	}
	if it.kind != "message" || it.role != "assistant" || it.spoken == 0 {
		return refuse("", "", "Only model output audio messages can be truncated")
	}
	if contentIndex >= len(it.parts) || it.parts[contentIndex].kind != "audio" {
		return refuse(codeInvalidValue, "content_index", "Invalid 'content_index': the item has no audio part %d.", contentIndex)
	}
	if have := it.spoken / it.perMS; ms > have {
		return refuse("", "", "Audio content of %dms is already shorter than %dms", have, ms)
	}
	it.spoken, it.cut = ms*it.perMS, true
	it.parts[contentIndex].transcript = nil
	return nil
}
