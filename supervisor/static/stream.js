// A stream of events that does not give up. The browser comes back by itself after a cut and says which event was the
// last; when the server refuses (it starts, or says that it is busy) we come back, later each time.

import { say } from './words.js';

const most = 30_000; // ms between two attempts

// follow opens address(last) and hands each event to the handler of its name. It returns what ends it.
export function follow(address, handlers, link) {
  let source, timer, last = '', wait = 1000;

  function show(state) {
    link.dataset.state = state;
    link.textContent = say(state);
  }

  function open() {
    source = new EventSource(address(last));
    source.onopen = () => { wait = 1000; show('on'); };
    source.onerror = () => {
      show('off');
      if (source.readyState !== EventSource.CLOSED) return;
      timer = setTimeout(open, wait * (0.5 + Math.random() / 2));
      wait = Math.min(wait * 2, most);
    };
    for (const [name, handle] of Object.entries(handlers)) {
      source.addEventListener(name, (event) => {
        if (event.lastEventId) last = event.lastEventId;
        handle(event.data);
      });
    }
  }

  open();
  return (state) => {
    clearTimeout(timer);
    source.close();
    show(state);
  };
}
