// One call: its transcript follows while the call runs, and supervisors act on it.

import { fragment } from './fragment.js';
import { localise } from './clock.js';
import { follow } from './stream.js';
import { listen } from './wave.js';
import { act, tags } from './act.js';

const call = document.getElementById('call');
const lines = document.getElementById('lines');
const down = document.getElementById('down');
const address = '/calls/' + encodeURIComponent(call.dataset.call);

// compare orders the ids of entries, MILLISECONDS-SEQUENCE.
function compare(a, b) {
  const [x, y] = [a, b].map((id) => id.split('-').map(Number));
  return x[0] - y[0] || x[1] - y[1];
}

const atEnd = () => innerHeight + scrollY >= document.documentElement.scrollHeight - 120;
const glide = matchMedia('(prefers-reduced-motion: reduce)').matches ? 'instant' : 'smooth';

function toEnd() {
  lines.lastElementChild?.scrollIntoView({ block: 'end', behavior: glide });
  following = true;
  down.hidden = true;
}

// upsert puts a line at the place of its id, or in place of itself. A tool call that was unfolded stays so.
function upsert(html) {
  watch();
  const stay = following;
  const box = fragment(html);
  const line = box.firstElementChild;
  localise(box);
  const old = document.getElementById(line.id);
  if (old) {
    const focused = old.contains(document.activeElement);
    [...old.querySelectorAll('details')].forEach((d, i) => { if (d.open) line.querySelectorAll('details')[i]?.setAttribute('open', ''); });
    old.replaceWith(line);
    if (focused) line.focus({ preventScroll: true });
    return;
  }
  let before = lines.lastElementChild;
  while (before && compare(before.dataset.id, line.dataset.id) > 0) before = before.previousElementSibling;
  if (before) before.after(line); else lines.prepend(line);
  document.getElementById('nothing').hidden = true;
  if (stay) toEnd(); else down.hidden = false;
}

function head(html) {
  const box = document.getElementById('head');
  const open = [...box.querySelectorAll('details')].map((d) => d.open);
  box.replaceChildren(fragment(html));
  box.querySelectorAll('details').forEach((d, i) => { d.open = open[i]; });
  localise(box);
  tags(address, head);
}

// The page follows as long as its reader is at the end, and stops when they scroll up. Going down, by hand or because a
// line came, never stops it.
let following = call.dataset.live === 'true';
let place = scrollY;
function watch() {
  following = scrollY < place ? atEnd() : following || atEnd();
  place = scrollY;
  if (following) down.hidden = true;
}
addEventListener('scroll', watch, { passive: true });
down.addEventListener('click', toEnd);

if (call.dataset.live === 'true') {
  toEnd();
  const stop = follow((last) => `${address}/stream?after=${encodeURIComponent(last || call.dataset.after)}`, {
    line: upsert,
    head,
    end: () => { stop('end'); document.getElementById('actions')?.remove(); },
  }, document.getElementById('link'));
  addEventListener('pagehide', () => stop('off'));
  addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });
}
listen();
act(call.dataset.call, address, head);
