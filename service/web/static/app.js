// What every page needs of a browser: a voice for what happened, and questions before what cannot be undone.
"use strict";

const chatmill = {
  // Say to everybody, screen readers included, what has just happened.
  say(text) {
    const said = document.getElementById("said");
    said.textContent = "";
    requestAnimationFrame(() => { said.textContent = text; });
  },

  // Tell whether a key press belongs to a text field, a dialog or the browser, and not to a page's own keys.
  isTyping(event) {
    const field = event.target.closest("input:not([type=checkbox]):not([type=radio]):not([type=button]), textarea, select, [contenteditable=true]");
    return Boolean(field) || Boolean(document.querySelector("dialog[open]")) ||
      event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.getModifierState("AltGraph");
  },
};
window.chatmill = chatmill;

// A piece of page that came by htmx may carry the words to say: <div data-say="Saved.">.
document.addEventListener("htmx:afterSettle", (event) => {
  const element = event.detail.elt;
  const said = element.matches("[data-say]") ? element : element.querySelector("[data-say]");
  if (said) chatmill.say(said.dataset.say);
});

// What went wrong before is over once something works.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.requestConfig.verb !== "get") document.getElementById("notice").replaceChildren();
});

// The server cannot be reached: say so once, where problems are said.
document.addEventListener("htmx:sendError", () => {
  const notice = document.getElementById("notice");
  if (notice.childElementCount) return;
  const box = document.createElement("div");
  box.className = "notice bad";
  box.textContent = "The service does not answer. What runs in the background goes on when it is started again; try again then.";
  notice.replaceChildren(box);
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful && event.detail.requestConfig.verb === "get") {
    const box = document.querySelector("#notice > .notice:not(:has(.code))");
    if (box) box.remove();
  }
});

// Forms that ask first: <form data-confirm="Remove Ann?">.
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

// Fields on whose value others depend: <select class="renews"> has its form drawn anew, nothing kept.
document.addEventListener("change", (event) => {
  const form = event.target.matches(".renews") && event.target.closest("form[hx-post]");
  if (!form) return;
  window.htmx.ajax("POST", form.getAttribute("hx-post"), { source: form, target: form, swap: "outerHTML" });
});
