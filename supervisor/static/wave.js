// The recording: a waveform to see and to point at, and the turns of the transcript to hear.

import { lasted } from './clock.js';

const lanes = ['caller', 'agent'];

// span is the lowest and highest sample of bucket i of n, of a channel given as {min, max} or as [min, max, …].
function span(channel, i) {
  return channel.min ? [channel.min[i], channel.max[i]] : [channel[2 * i], channel[2 * i + 1]];
}

// colour is that of the legend, which knows of light and dark.
const colour = (lane) => getComputedStyle(document.querySelector(`.swatch-${lane}`)).backgroundColor;

const buckets = (channel) => (channel.min ? channel.min.length : channel.length / 2);

export function listen() {
  const canvas = document.getElementById('wave');
  const audio = document.getElementById('audio');
  if (!canvas) return;
  let peaks = null;
  const lines = [...document.querySelectorAll('#lines > .kind-turn')];
  const seconds = () => (Number.isFinite(audio.duration) && audio.duration > 0 ? audio.duration : peaks?.seconds ?? 0);

  function draw() {
    const scale = devicePixelRatio || 1;
    const [w, h] = [canvas.clientWidth, canvas.clientHeight];
    canvas.width = w * scale;
    canvas.height = h * scale;
    const pen = canvas.getContext('2d');
    pen.scale(scale, scale);
    const played = seconds() ? (audio.currentTime / seconds()) * w : 0;
    (peaks?.channels ?? []).forEach((channel, lane) => {
      const n = buckets(channel);
      const loudest = Math.max(1, ...Array.from({ length: n }, (_, i) => Math.max(...span(channel, i).map(Math.abs))));
      const middle = (h / 4) * (1 + 2 * lane);
      for (let x = 0; x < w; x += 2) {
        const i = Math.min(n - 1, Math.floor((x / w) * n));
        const [low, high] = span(channel, i).map((v) => (v / loudest) * (h / 4 - 2));
        pen.globalAlpha = x < played ? 1 : 0.55;
        pen.fillStyle = colour(lanes[lane]);
        pen.fillRect(x, middle - high, 1.4, Math.max(1, high - low));
      }
    });
    pen.globalAlpha = 1;
    pen.fillStyle = getComputedStyle(canvas).color;
    if (played > 0) pen.fillRect(played, 0, 1.5, h);
  }

  // at shows where the recording is: on the wave, and in the transcript.
  function at() {
    const now = audio.currentTime;
    canvas.ariaValueMax = String(Math.round(seconds()));
    canvas.ariaValueNow = String(Math.round(now));
    canvas.ariaValueText = lasted(now);
    const heard = audio.paused && now === 0 ? undefined : lines.findLast((line) => Number(line.dataset.at) / 1000 <= now + 0.05);
    for (const line of lines) line.classList.toggle('playing', line === heard);
    draw();
  }

  function seek(to, play) {
    audio.currentTime = Math.min(Math.max(to, 0), seconds());
    if (play) audio.play().catch(() => {});
    at();
  }

  canvas.addEventListener('pointerdown', (event) => seek((event.offsetX / canvas.clientWidth) * seconds(), !audio.paused));
  canvas.addEventListener('keydown', (event) => {
    const by = { ArrowRight: 5, ArrowUp: 5, ArrowLeft: -5, ArrowDown: -5, PageUp: 30, PageDown: -30, Home: -Infinity, End: Infinity }[event.key];
    if (by === undefined && event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    if (by !== undefined) seek(audio.currentTime + by);
    else if (audio.paused) audio.play().catch(() => {});
    else audio.pause();
  });
  for (const line of lines) {
    line.querySelector('[data-hear]')?.addEventListener('click', () => seek(Number(line.dataset.at) / 1000, true));
    line.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && event.target === line) seek(Number(line.dataset.at) / 1000, true);
    });
  }
  for (const name of ['timeupdate', 'seeked', 'play', 'pause', 'loadedmetadata']) audio.addEventListener(name, at);
  new ResizeObserver(draw).observe(canvas);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  fetch(`${canvas.dataset.src}?n=${Math.min(2000, Math.max(200, canvas.clientWidth))}`)
    .then((answer) => (answer.ok ? answer.json() : null))
    .then((found) => { peaks = found; at(); })
    .catch(() => {});
}
