// Marking what redaction missed in one turn: by mouse, or from word to word. Places are code points of the turn's text.
"use strict";
(() => {
  const turn = document.getElementById("blind");
  if (!turn) return;
  const marks = document.getElementById("marks");
  const none = document.getElementById("no-marks");
  const type = document.getElementById("mark-type");
  const button = document.getElementById("mark");
  const words = wrapWords();
  let cursor = null; // the words taken: [first, last]
  let chosen = null; // {start, end, text}

  // Every word of the open text becomes a span that knows its place.
  function wrapWords() {
    const found = [];
    for (const stretch of turn.querySelectorAll("[data-start]")) {
      let place = Number(stretch.dataset.start);
      const pieces = stretch.textContent.split(/(\s+)/u).filter((piece) => piece);
      stretch.replaceChildren(...pieces.map((piece) => {
        const node = document.createElement("span");
        node.textContent = piece;
        node.dataset.place = String(place);
        place += [...piece].length;
        if (piece.trim()) { node.className = "word"; node.dataset.stretch = stretch.dataset.start; found.push(node); }
        return node;
      }));
    }
    return found;
  }

  function choose(next) {
    chosen = next;
    button.disabled = !chosen;
  }

  function show() {
    words.forEach((word, at) => word.classList.toggle("taken", Boolean(cursor) && at >= cursor[0] && at <= cursor[1]));
    if (!cursor) { choose(null); return; }
    const taken = words.slice(cursor[0], cursor[1] + 1);
    const last = taken[taken.length - 1];
    choose({ start: Number(taken[0].dataset.place), end: Number(last.dataset.place) + [...last.textContent].length,
      text: taken.map((word) => word.textContent).join(" ") });
    chatmill.say(chosen.text);
  }

  // Words of one stretch only: a mark cannot reach over what is replaced already.
  function together(first, last) {
    return words[first] && words[last] && words[first].dataset.stretch === words[last].dataset.stretch;
  }

  turn.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !words.length) return;
    if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
      const step = event.key === "ArrowRight" ? 1 : -1;
      if (!cursor) cursor = [0, 0];
      else if (event.shiftKey) {
        const last = Math.max(cursor[0], cursor[1] + step);
        if (together(cursor[0], last)) cursor = [cursor[0], last];
      } else {
        const at = Math.min(words.length - 1, Math.max(0, cursor[0] + step));
        cursor = [at, at];
      }
      event.preventDefault();
      show();
    } else if (event.key === "Enter" && chosen) {
      event.preventDefault();
      mark();
    } else if (event.key === "Escape") {
      cursor = null;
      show();
    }
  });

  // A selection by mouse: from the place of its first character to that behind its last.
  document.addEventListener("selectionchange", () => {
    const selection = document.getSelection();
    if (!selection || selection.isCollapsed || !turn.contains(selection.anchorNode) || !turn.contains(selection.focusNode)) return;
    const range = selection.getRangeAt(0);
    const start = placeOf(range.startContainer, range.startOffset);
    const end = placeOf(range.endContainer, range.endOffset);
    if (!start || !end || start.stretch !== end.stretch || start.place >= end.place) { choose(null); return; }
    const raw = range.toString();
    const lead = [...raw].length - [...raw.trimStart()].length;
    const tail = [...raw].length - [...raw.trimEnd()].length;
    if (!raw.trim()) { choose(null); return; }
    choose({ start: start.place + lead, end: end.place - tail, text: raw.trim() });
  });

  function placeOf(node, offset) {
    if (node.nodeType !== Node.TEXT_NODE) return null;
    const piece = node.parentElement.closest("[data-place]");
    if (!piece) return null;
    return { place: Number(piece.dataset.place) + [...node.data.slice(0, offset)].length,
      stretch: piece.closest("[data-start]").dataset.start };
  }

  function mark() {
    if (!chosen) return;
    const { start, end, text } = chosen;
    const overlaps = [...marks.querySelectorAll("input")].some((input) => {
      const [from, to] = input.value.split(":").map(Number);
      return start < to && from < end;
    });
    if (overlaps) { chatmill.say("This is marked already."); return; }
    const item = document.createElement("li");
    const label = document.createElement("span");
    label.textContent = `${type.options[type.selectedIndex].text}: ${text}`;
    const input = document.createElement("input");
    input.type = "hidden";
    input.name = "mark";
    input.value = `${start}:${end}:${type.value}`;
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "small quiet";
    remove.textContent = "Take back";
    remove.setAttribute("aria-label", `Take back ${text}`);
    remove.addEventListener("click", () => { item.remove(); count(); turn.focus(); });
    item.append(label, input, remove);
    marks.append(item);
    chatmill.say(`Marked as ${type.options[type.selectedIndex].text}.`);
    count();
    cursor = null;
    document.getSelection().removeAllRanges();
    show();
  }

  function count() {
    const number = marks.childElementCount;
    none.hidden = number > 0;
    document.getElementById("done-words").textContent = number ? `Keep ${number} and go on` : "Nothing missed: next";
  }

  button.addEventListener("click", mark);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      document.getElementById("rating").requestSubmit();
    }
  });
  turn.focus();
})();
