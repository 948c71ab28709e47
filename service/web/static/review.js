// Review by keyboard: one current finding, keys that act on it, and spans marked by mouse or keyboard.
"use strict";

(() => {
  const VIEWS = ["original", "redacted", "both"];
  let view = localStorage.getItem("chatmill.view") || "original";
  let waiting = false;   // a decision is on its way
  let picked = null;     // what the mouse selected: turn, start, end, text

  const desk = () => document.getElementById("desk");
  const all = (selector) => [...document.querySelectorAll(selector)];
  const marks = () => all("#chat .original [data-finding]");
  const ids = () => all("[data-entry]").map((one) => one.dataset.entry);
  const dialog = (name) => document.getElementById(name);
  const address = (path) => `/review/${desk().dataset.key}/${path}`;

  // ------------------------------------------------------------------ the current finding
  function current() { return desk().dataset.at; }

  function point(id, { focus = true } = {}) {
    if (!id) return;
    desk().dataset.at = id;
    all("[data-detail]").forEach((one) => { one.hidden = one.dataset.detail !== id; });
    all("[data-entry]").forEach((one) => {
      if (one.dataset.entry === id) one.setAttribute("aria-current", "true"); else one.removeAttribute("aria-current");
    });
    marks().forEach((one) => one.classList.toggle("current", one.dataset.finding === id));
    const entry = all("[data-entry]").find((one) => one.dataset.entry === id);
    if (entry) entry.scrollIntoView({ block: "nearest" });
    const mark = marks().find((one) => one.dataset.finding === id);
    const seen = mark && mark.getClientRects().length ? mark : entry;
    if (!seen) return;
    if (focus) seen.focus({ preventScroll: true });
    seen.scrollIntoView({ block: "nearest" });
  }

  function step(by) {
    const order = ids();
    if (!order.length) return chatmill.say("There are no findings here.");
    const place = order.indexOf(current());
    const next = Math.min(order.length - 1, Math.max(0, place + by));
    point(order[next]);
    const entry = all("[data-entry]")[next];
    chatmill.say(`Finding ${next + 1} of ${order.length}: ${entry.textContent.trim().replace(/\s+/g, " ")}`);
  }

  function show(name) {
    view = name;
    localStorage.setItem("chatmill.view", name);
    desk().classList.remove(...VIEWS.map((one) => `view-${one}`));
    desk().classList.add(`view-${name}`);
    all("[data-view]").forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.view === name)));
  }

  // ------------------------------------------------------------------ decisions
  async function send(path, values, { target = "#desk", swap = "outerHTML" } = {}) {
    if (waiting) return;
    waiting = true;
    desk().setAttribute("aria-busy", "true");
    try {
      await htmx.ajax("POST", address(path), { target, swap, values });
    } finally {
      waiting = false;
      desk().removeAttribute("aria-busy");
    }
  }

  function pulse(act) {
    const button = document.querySelector(`[data-act="${act}"]`);
    if (!button) return;
    button.classList.add("pressed");
    setTimeout(() => button.classList.remove("pressed"), 180);
  }

  const acts = {
    accept: () => current() && send("decide", { finding: current(), verdict: "accept", seen: desk().dataset.seen }),
    reject: () => current() && send("decide", { finding: current(), verdict: "reject", seen: desk().dataset.seen }),
    retype: () => current() && openSpans({ retype: current() }),
    everywhere: () => current() && ask("everywhere/ask", { finding: current() }),
    never: () => current() && ask("list/ask", { finding: current(), which: "allow" }),
    always: () => current() && ask("list/ask", { finding: current(), which: "deny" }),
    span: () => openSpans(picked || {}),
    undo: () => send("undo", {}),
    flag: () => send("flag", { flagged: desk().dataset.flagged ? "no" : "yes" }),
    rest: () => send("rest", {}),
    next: () => go("/review/next", { behind: desk().dataset.key }),
    keys: () => dialog("keys-dialog").showModal(),
  };
  const FREE = new Set(["next", "keys"]);  // what may be done without the right to decide

  function act(name) {
    if (!acts[name] || waiting) return;
    if (!FREE.has(name) && !desk().dataset.may) return chatmill.say("You cannot decide on this conversation now.");
    pulse(name);
    acts[name]();
  }

  function go(path, values) {
    const form = document.createElement("form");
    form.method = "post";
    form.action = path;
    for (const [name, value] of Object.entries(values)) {
      const field = document.createElement("input");
      field.type = "hidden"; field.name = name; field.value = value;
      form.append(field);
    }
    document.body.append(form);
    waiting = true;
    form.submit();
  }

  async function ask(path, values) {
    all("#ask [data-apply]").forEach((button) => { button.disabled = true; });  // until what they would do is counted
    await send(path, values, { target: "#ask", swap: "innerHTML" });
    if (dialog("ask").childElementCount && !document.querySelector("#notice .notice.bad")) {
      if (!dialog("ask-dialog").open) dialog("ask-dialog").showModal();
    }
  }

  // ------------------------------------------------------------------ spans
  // Code points before a place in a piece: the server said where the piece begins.
  function codePoint(node, offset) {
    const piece = (node.nodeType === Node.TEXT_NODE ? node.parentElement : node).closest("[data-start]");
    if (!piece) return null;
    if (node.nodeType !== Node.TEXT_NODE) {
      return Number(piece.dataset.start) + (offset > 0 ? [...piece.textContent].length : 0);
    }
    return Number(piece.dataset.start) + [...node.data.slice(0, offset)].length;
  }

  function selected() {
    const selection = getSelection();
    if (!selection.rangeCount || selection.isCollapsed) return null;
    const range = selection.getRangeAt(0);
    const text = range.startContainer.parentElement && range.startContainer.parentElement.closest("#chat .original");
    if (!text || !text.contains(range.endContainer)) return null;
    const start = codePoint(range.startContainer, range.startOffset);
    const end = codePoint(range.endContainer, range.endOffset);
    if (start === null || end === null || end <= start) return null;
    return { turn: text.closest("[data-turn]").dataset.turn, start, end, text: selection.toString() };
  }

  function textOf(turn) {
    const lane = all("[data-turn]").find((one) => one.dataset.turn === turn);
    return lane.querySelector(".original").textContent;
  }

  function openSpans(wanted) {
    const box = dialog("span-dialog");
    box.dataset.retype = wanted.retype || "";
    box.dataset.picked = wanted.turn ? JSON.stringify(wanted) : "";
    const choosing = !wanted.retype && !wanted.turn;
    document.getElementById("span-where").hidden = !choosing;
    document.getElementById("span-title").textContent = wanted.retype ? "Change its type" : "Mark a span";
    document.getElementById("span-chosen").textContent = wanted.turn ? `Selected: ${wanted.text}` : "";
    document.getElementById("span-other").value = "";
    if (choosing) fillTurns();
    box.showModal();
    (choosing ? document.getElementById("span-text") : box.querySelector("input[name=entity]:checked")).focus();
  }

  function fillTurns() {
    const list = document.getElementById("span-turn");
    const lanes = all("[data-turn]");
    list.replaceChildren(...lanes.map((lane, place) => {
      const words = lane.querySelector(".original").textContent.slice(0, 60);
      return new Option(`${place + 1}. ${lane.dataset.role}: ${words}`, lane.dataset.turn);
    }));
    const mark = marks().find((one) => one.dataset.finding === current());
    if (mark) list.value = mark.closest("[data-turn]").dataset.turn;
    fillText();
  }

  function fillText() {
    const field = document.getElementById("span-text");
    field.value = textOf(document.getElementById("span-turn").value);
    field.setSelectionRange(0, 0);
    sayChosen();
  }

  function sayChosen() {
    const field = document.getElementById("span-text");
    const text = field.value.slice(field.selectionStart, field.selectionEnd);
    document.getElementById("span-chosen").textContent = text ? `Selected: ${text}` : "Nothing is selected yet.";
  }

  function fromField() {
    const field = document.getElementById("span-text");
    const points = (end) => [...field.value.slice(0, end)].length;
    const [from, to] = [field.selectionStart, field.selectionEnd];
    if (from === to) return null;
    const turn = document.getElementById("span-turn").value;
    return { turn, start: points(from), end: points(to), text: field.value.slice(from, to) };
  }

  function entity() {
    return document.getElementById("span-other").value ||
      dialog("span-dialog").querySelector("input[name=entity]:checked").value;
  }

  async function markSpan() {
    const box = dialog("span-dialog");
    if (box.dataset.retype) {
      box.close();
      return send("retype", { finding: box.dataset.retype, entity_type: entity(), seen: desk().dataset.seen });
    }
    const span = box.dataset.picked ? JSON.parse(box.dataset.picked) : fromField();
    if (!span) { document.getElementById("span-text").focus(); return sayChosen(); }
    box.close();
    picked = null;
    await send("span", { turn: span.turn, start: span.start, end: span.end, entity_type: entity(), selected: span.text });
  }

  // ------------------------------------------------------------------ what people do
  const KEYS = {
    j: () => step(1), k: () => step(-1), a: "accept", x: "reject", e: "retype", u: "undo", n: "span", s: "everywhere",
    f: "flag", "?": "keys", " ": "next", Enter: "rest",
    o: () => view_next(),
  };
  function view_next() {
    if (!document.querySelector("[data-view]")) return;
    show(VIEWS[(VIEWS.indexOf(view) + 1) % VIEWS.length]);
    chatmill.say({ original: "Original", redacted: "Redacted", both: "Side by side" }[view]);
  }

  document.addEventListener("keydown", (event) => {
    if (!desk()) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !document.querySelector("dialog[open]")) {
      event.preventDefault();
      return act("rest");
    }
    if (chatmill.isTyping(event) || event.repeat || waiting) return;
    // A button, link or list that has the focus keeps its own keys.
    const widget = event.target.closest("button, a[href], summary, select");
    if (widget && (event.key === "Enter" || event.key === " ")) return;
    const own = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!own || (event.shiftKey && event.key !== "?")) return;
    event.preventDefault();
    if (typeof own === "function") own(); else act(own);
  });

  document.addEventListener("click", (event) => {
    const target = event.target;
    const button = target.closest("[data-act]");
    if (button) return act(button.dataset.act);
    const close = target.closest("[data-close]");
    if (close) return close.closest("dialog").close();
    const switched = target.closest("[data-view]");
    if (switched) return show(switched.dataset.view);
    const entry = target.closest("[data-entry]");
    if (entry) return point(entry.dataset.entry);
    const mark = target.closest("#chat [data-finding]");
    if (mark && getSelection().isCollapsed) return point(mark.dataset.finding);
    const apply = target.closest("[data-apply]");
    if (apply) {
      const scope = document.querySelector("#ask input[name=scope]:checked");
      dialog("ask-dialog").close();
      send(apply.dataset.apply, {
        finding: current(), verdict: apply.dataset.verdict || "", which: apply.dataset.which || "",
        scope: scope ? scope.value : "",
      });
    }
  });

  // A press of the mouse may begin a selection: nothing moves before it is known to be a click.
  let pressed = false;
  document.addEventListener("mousedown", () => { pressed = true; });
  document.addEventListener("focusin", (event) => {
    if (pressed) return;
    const mark = event.target.closest("#chat [data-finding]");
    if (mark && mark.dataset.finding !== current()) point(mark.dataset.finding, { focus: false });
  });

  document.addEventListener("change", (event) => {
    if (event.target.name === "scope") {
      const which = document.querySelector("#ask [data-apply=list]").dataset.which;
      ask("list/ask", { finding: current(), which, scope: event.target.value });
    }
    if (event.target.id === "span-turn") fillText();
  });

  // What the mouse selects may be marked: say how, once.
  document.addEventListener("mouseup", () => setTimeout(() => {
    pressed = false;
    const before = picked;
    picked = selected();
    if (picked && (!before || picked.text !== before.text)) chatmill.say("Press n to mark what is selected.");
    const button = document.querySelector('[data-act="span"]');
    if (button) button.classList.toggle("ready", Boolean(picked));
  }));

  document.addEventListener("selectionchange", () => {
    if (document.activeElement && document.activeElement.id === "span-text") sayChosen();
  });

  document.addEventListener("DOMContentLoaded", () => {
    const form = document.getElementById("span-form");
    if (!form) return;
    // Not readonly, which would leave it without a cursor: it only takes no changes.
    document.getElementById("span-text").addEventListener("beforeinput", (event) => event.preventDefault());
    form.addEventListener("submit", (event) => { event.preventDefault(); markSpan(); });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.id === "span-text") { event.preventDefault(); markSpan(); }
      const choice = Number(event.key);
      const fields = form.querySelectorAll("input[name=entity]");
      if (choice >= 1 && choice <= fields.length && !event.ctrlKey && !event.altKey && !event.metaKey) {
        event.preventDefault();
        document.getElementById("span-other").value = "";
        fields[choice - 1].checked = true;
        if (event.target.id !== "span-text") fields[choice - 1].focus();
        chatmill.say(fields[choice - 1].parentElement.textContent.trim());
      }
    });
    settle();
    chatmill.say(`${document.querySelector("#desk h1").textContent}. ${document.getElementById("count").textContent}.`);
  });

  function settle() {
    show(view);
    point(current());
  }

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.elt.id === "desk" || event.detail.target.id === "desk") settle();
  });

  // Somebody else was at it meanwhile: show how it stands now, and keep the words that say so.
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status === 409 && desk()) {
      const at = encodeURIComponent(current());
      setTimeout(() => htmx.ajax("GET", address(`desk?at=${at}`), { target: "#desk", swap: "outerHTML" }));
    }
  });
})();
