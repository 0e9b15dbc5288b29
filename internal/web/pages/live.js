// What pages do beside what they do without it: what is live is shown again when it changes, lines of logs come as they are said,
// what is typed is checked, and what is to be copied is copied.
'use strict';
document.documentElement.classList.add('js');

// A table that is wider than the window is one that keys can move.
const wide = new ResizeObserver((all) => { for (const { target } of all) target.tabIndex = target.scrollWidth > target.clientWidth ? 0 : -1; });

const byId = (id) => document.getElementById(id);
const say = (text) => { byId('said').textContent = text; };

// follow listens to this page's own address. It goes on when the server is back, and rests while nobody looks.
function follow(address, on) {
  let source, timer, last = '', ended = false;
  const lost = (yes) => { byId('lost').hidden = !yes; };
  function start() {
    if (ended || source) return;
    source = new EventSource(address(last));
    source.onopen = () => lost(false);
    source.onerror = () => {
      lost(true);
      if (source && source.readyState === EventSource.CLOSED) {
        stop();
        timer = setTimeout(start, 3000);
      }
    };
    for (const [name, act] of Object.entries(on)) {
      source.addEventListener(name, (e) => {
        lost(false);
        if (e.lastEventId) last = e.lastEventId;
        act(JSON.parse(e.data));
      });
    }
    source.addEventListener('gone', (e) => { end(); say(JSON.parse(e.data)); byId('lost').textContent = JSON.parse(e.data); lost(true); });
  }
  function stop() {
    clearTimeout(timer);
    if (source) source.close();
    source = null;
  }
  function end() { ended = true; stop(); }
  document.addEventListener('visibilitychange', () => (document.hidden ? stop() : start()));
  addEventListener('pagehide', stop);
  start();
  return { start, stop, end };
}

// here is this page's address, with something more in its query.
function here(name, value) {
  const url = new URL(location.href);
  url.hash = '';
  if (value) url.searchParams.set(name, value);
  return url.toString();
}

// fragment is HTML of the server's as nodes.
function fragment(html) {
  const t = document.createElement('template');
  t.innerHTML = html;
  return t.content;
}

const part = document.querySelector('[data-live]');
if (part) {
  let told = part.querySelector('[data-say]')?.dataset.say;
  follow(() => here(), {
    part(html) {
      const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute('aria-label') || document.activeElement.textContent : '';
      part.replaceChildren(fragment(html));
      enliven(part);
      if (focused) [...part.querySelectorAll('a, button')].find((x) => (x.getAttribute('aria-label') || x.textContent) === focused)?.focus();
      const state = part.querySelector('[data-state]');
      if (state && byId('state')) byId('state').replaceChildren(...[...state.childNodes].map((x) => x.cloneNode(true)));
      const now = part.querySelector('[data-say]')?.dataset.say;
      if (now && now !== told) say(now);
      told = now;
    },
  });
}

const log = document.querySelector('[data-log]');
const lines = log?.firstElementChild;
if (log) {
  const most = 2000;
  const bottom = () => log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  let first = true;
  log.scrollTop = log.scrollHeight;
  const stream = follow((last) => here('after', last), {
    line(html) {
      if (first) { lines.replaceChildren(); first = false; }
      const stay = bottom();
      lines.append(fragment(html));
      while (lines.children.length > most) lines.firstElementChild.remove();
      if (stay) log.scrollTop = log.scrollHeight;
    },
  });
  const pause = byId('pause');
  pause.addEventListener('click', () => {
    const paused = pause.getAttribute('aria-pressed') !== 'true';
    pause.setAttribute('aria-pressed', paused);
    pause.textContent = paused ? 'Go on' : 'Pause';
    if (paused) stream.stop(); else stream.start();
  });
}

const output = document.querySelector('[data-output]');
if (output) {
  const stream = follow(() => here(), {
    begin() { output.textContent = ''; },
    text(more) { output.append(more); output.scrollTop = output.scrollHeight; },
    end(state) {
      stream.end();
      say('The build ' + state + '.');
      byId('state').firstElementChild.className = 'state ' + (state === 'succeeded' ? 'good' : 'bad');
      byId('state').firstElementChild.textContent = state;
    },
  });
}

// check asks what is wrong with what was typed so far. What counts is asked again when the form is sent.
for (const form of document.querySelectorAll('form[data-check]')) {
  let timer;
  form.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const answer = await fetch(form.dataset.check + '?' + new URLSearchParams(new FormData(form))).catch(() => null);
      if (!answer?.ok) return;
      for (const [name, wrong] of Object.entries(await answer.json())) {
        const input = form.elements[name];
        byId(input.id + '-error').textContent = wrong;
        if (wrong) input.setAttribute('aria-invalid', 'true'); else input.removeAttribute('aria-invalid');
      }
    }, 300);
  });
}

// copied copies a text. Over plain HTTP browsers have no clipboard; it is selected then, and copied as they did of old.
async function copied(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    return true;
  } catch {
    getSelection().selectAllChildren(button.previousElementSibling);
    return document.execCommand('copy');
  }
}

// enliven does for new parts of the page what was done for the page.
function enliven(root) {
  for (const table of root.querySelectorAll('.scroll')) wide.observe(table);
  for (const button of root.querySelectorAll('[data-copy]')) {
    button.addEventListener('click', async () => {
      if (!await copied(button)) return say('The text is selected: copy it.');
      say('Copied.');
      button.textContent = 'Copied';
      setTimeout(() => { button.textContent = 'Copy'; }, 1500);
    });
  }
}
enliven(document);

// A menu closes when one goes elsewhere.
const menu = document.querySelector('details.menu');
if (menu) {
  document.addEventListener('click', (e) => { if (!menu.contains(e.target)) menu.open = false; });
  document.addEventListener('keydown', (e) => { if (e.key === 'Escape' && menu.open) { menu.open = false; menu.querySelector('summary').focus(); } });
}
