// The wall: cards come, change and go by the stream of the server.

import { fragment } from './fragment.js';
import { localise } from './clock.js';
import { follow } from './stream.js';
import { say } from './words.js';

const cards = document.getElementById('cards');
const counts = [...document.querySelectorAll('[data-count]')];
const title = document.title;

const cardOf = (call) => document.getElementById('c-' + call);

// upsert puts a card in its place, newest call first. Who has its link in focus keeps it.
function upsert(html) {
  const box = fragment(html);
  const card = box.firstElementChild;
  localise(box);
  const old = cardOf(card.dataset.call);
  if (old) {
    const focused = old.contains(document.activeElement);
    old.replaceWith(card);
    if (focused) card.querySelector('a').focus({ preventScroll: true });
  } else {
    const start = Number(card.dataset.start);
    const older = [...cards.children].find((other) => Number(other.dataset.start) < start);
    cards.insertBefore(card, older ?? null);
  }
  later();
}

function remove(card) {
  const next = card.contains(document.activeElement) && (card.nextElementSibling ?? card.previousElementSibling);
  card.remove();
  if (next) next.querySelector('a').focus({ preventScroll: true });
  later();
}

// later counts once for all that came within a frame.
let waiting = false;
function later() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; count(); });
}

function count() {
  const all = [...cards.children];
  const warned = all.filter((card) => card.dataset.warned !== '0').length;
  for (const el of counts) {
    const what = el.dataset.count;
    el.textContent = what === 'all' ? all.length : what === 'warned' ? warned : all.filter((card) => card.dataset.state === what).length;
    el.parentElement.dataset.some = el.textContent !== '0';
  }
  document.getElementById('empty').hidden = all.length > 0;
  document.title = warned ? say('warned_title', { n: warned, title }) : title;
}

count();
const stop = follow(() => '/wall/stream', {
  card: upsert,
  gone: (call) => { const card = cardOf(call); if (card) remove(card); },
  all: (ids) => {
    const running = new Set(JSON.parse(ids));
    for (const card of [...cards.children]) if (!running.has(card.dataset.call)) remove(card);
  },
}, document.getElementById('link'));
addEventListener('pagehide', () => stop('off'));
addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });
