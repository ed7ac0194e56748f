// What supervisors do to a call: notes, tags, and actions while it runs.

import { say } from './words.js';

const fault = document.getElementById('fault');
let api = '';

// ask sends JSON to the API and returns the answer, or null after it showed what is wrong.
async function ask(method, path, body) {
  fault.hidden = true;
  let answer;
  try {
    answer = await fetch(api + path, {
      method,
      headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    return failed(say('unreachable'));
  }
  const said = await answer.json().catch(() => null);
  return answer.ok ? said ?? {} : failed([said?.detail ?? said?.error ?? say('failed'), said?.remedy].filter(Boolean).join(': '));
}

function failed(text) {
  fault.textContent = text;
  fault.hidden = false;
  fault.scrollIntoView({ block: 'nearest' });
  return null;
}

// form sends what a form says, and empties it when that worked.
function form(id, path, body, done) {
  const el = document.getElementById(id);
  el?.addEventListener('submit', async (event) => {
    event.preventDefault();
    const button = el.querySelector('button');
    button.disabled = true;
    const answer = await ask('POST', path, body(new FormData(el)));
    button.disabled = false;
    if (answer) {
      el.reset();
      done?.();
    }
  });
}

// confirmed does something after a dialog was answered with yes.
function confirmed(id, act) {
  const dialog = document.getElementById(id);
  dialog?.addEventListener('close', () => {
    if (dialog.returnValue === 'yes') act();
    dialog.returnValue = '';
  });
}

// tags makes the crosses on tags work; the head comes anew after a change.
export function tags(address, head) {
  for (const button of document.querySelectorAll('[data-untag]')) {
    button.addEventListener('click', async () => {
      if (await ask('POST', '/tags', { remove: [button.dataset.untag] })) renew(address, head);
    });
  }
}

async function renew(address, head) {
  const answer = await fetch(address + '/head').catch(() => null);
  if (answer?.ok) head(await answer.text());
}

// note shows a new note on the page of a call that is over: a running one has it by its stream.
async function notes(address) {
  const lines = document.getElementById('lines');
  if (lines.ariaLive === 'polite') return;
  location.reload();
}

async function running() {
  const panel = document.getElementById('actions');
  if (!panel) return;
  const state = await ask('GET', '/actions');
  if (!state) return;
  panel.hidden = !state.here;
  document.getElementById('elsewhere').hidden = state.here;
  const targets = state.targets ?? [];
  document.getElementById('transfer').hidden = targets.length === 0;
  document.getElementById('target').replaceChildren(...targets.map((name) => new Option(name, name)));
  pressed(state.silenced);
}

function pressed(off) {
  const button = document.getElementById('silence');
  button.ariaPressed = String(off);
  button.textContent = off ? button.dataset.on : button.dataset.off;
}

// act makes the forms and buttons of the side work.
export function act(call, address, head) {
  api = '/api/v1/calls/' + encodeURIComponent(call);
  form('note', '/notes', (data) => ({ text: data.get('text') }), () => notes(address));
  form('tag', '/tags', (data) => ({ add: [data.get('tag')] }), () => renew(address, head));
  form('tell', '/tell', (data) => ({ text: data.get('text') }));
  form('transfer', '/transfer', (data) => ({ target: data.get('target') }));
  document.getElementById('silence')?.addEventListener('click', async (event) => {
    const off = event.currentTarget.ariaPressed !== 'true';
    if (await ask('POST', '/silence', { off })) pressed(off);
  });
  confirmed('hangup', () => ask('POST', '/hangup'));
  confirmed('delete', async () => { if (await ask('DELETE', '')) location.assign('/calls'); });
  tags(address, head);
  running();
}
