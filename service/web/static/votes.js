// Votes by key: 1 and 2 choose a reply, 0 neither.
"use strict";

(() => {
  let sent = false;   // one vote a pair, however long a key is held
  document.addEventListener("keydown", (event) => {
    if (sent || event.repeat || chatmill.isTyping(event)) return;
    const button = document.querySelector(`#vote button[data-key="${CSS.escape(event.key)}"]`);
    if (!button) return;
    event.preventDefault();
    sent = true;
    button.click();
  });
})();
