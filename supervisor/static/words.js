// The words of scripts, in the page's language: the server puts them into the body.

const words = JSON.parse(document.body.dataset.words);

export function say(key, values = {}) {
  return words['js.' + key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export const language = document.documentElement.lang;
