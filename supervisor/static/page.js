// What every page does: times, dialogs, and the keys.

import './clock.js';

for (const button of document.querySelectorAll('[data-open]')) {
  button.hidden = false;
  button.addEventListener('click', () => document.getElementById(button.dataset.open).showModal());
}

// Single keys can be switched off, since speech input types letters.
const on = document.getElementById('keys-on');
on.checked = localStorage.getItem('keys') !== 'off';
on.addEventListener('change', () => localStorage.setItem('keys', on.checked ? 'on' : 'off'));

function step(by) {
  const all = [...document.querySelectorAll('[data-step]')];
  const here = all.findIndex((el) => el.contains(document.activeElement));
  const next = here < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + by, 0), all.length - 1);
  all[next]?.focus();
}

const keys = {
  j: () => step(1),
  k: () => step(-1),
  '/': () => document.getElementById('seek').focus(),
  '?': () => document.getElementById('keys').showModal(),
};

document.addEventListener('keydown', (event) => {
  const typing = event.target.closest?.('input:not([type=checkbox]), textarea, select');
  if (event.key === 'Escape' && typing) event.target.blur();
  if (typing || !on.checked || event.ctrlKey || event.altKey || event.metaKey || document.querySelector('dialog[open]')) return;
  const act = keys[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
});
