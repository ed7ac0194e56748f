// Times: those of the past in the reader's zone, those that run counted in seconds by the server's clock.

import { language } from './words.js';

const ahead = Date.now() - Number(document.body.dataset.now);
const formats = {
  clock: new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }),
  moment: new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short', hourCycle: 'h23' }),
};

// lasted writes seconds as 1:02:03 or 2:03, as the server does.
export function lasted(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, '0');
  return s >= 3600
    ? `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`
    : `${Math.floor(s / 60)}:${two(s % 60)}`;
}

function put(el, text) {
  if (el.textContent !== text) el.textContent = text;
}

// localise rewrites the times within an element.
export function localise(root) {
  for (const el of root.querySelectorAll('time[data-as]')) {
    put(el, formats[el.dataset.as].format(new Date(el.dateTime)));
    el.title = el.dateTime;
  }
  tick(root);
}

function tick(root) {
  const now = Date.now() - ahead;
  for (const el of root.querySelectorAll('time[data-since]')) {
    put(el, lasted((now - Number(el.dataset.since)) / 1000));
  }
}

localise(document);
setInterval(() => tick(document), 1000);
