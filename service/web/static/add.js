// Dropping files in: one request each, streamed by the browser from the disk, with progress.
"use strict";

(() => {
  const form = document.getElementById("drop");
  const list = document.getElementById("sending");
  let isSending = false;

  const row = (name) => {
    const item = document.createElement("li");
    const label = document.createElement("span");
    const bar = document.createElement("progress");
    label.textContent = name;
    bar.max = 1;
    bar.value = 0;
    bar.setAttribute("aria-label", name);
    item.append(label, bar);
    list.append(item);
    return { item, label, bar };
  };

  const send = (drop, name, file, shown) => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/add/${drop}/files`);
    request.setRequestHeader("File-Name", encodeURIComponent(name));
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("HX-Request", "true");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable && event.total) shown.bar.value = event.loaded / event.total;
    });
    request.addEventListener("load", () => {
      if (request.status === 201) { shown.bar.value = 1; resolve(); } else reject(request.responseText);
    });
    request.addEventListener("error", () => reject(""));
    request.send(file);
  });

  const fail = (answer) => {
    const notice = document.getElementById("notice");
    // The server's own words, as its escaped piece of page; without any, ours.
    const parsed = new DOMParser().parseFromString(answer || "", "text/html").querySelector(".notice");
    const box = parsed ? document.importNode(parsed, true) : document.createElement("div");
    if (!parsed) {
      box.className = "notice bad";
      box.textContent = "The files did not arrive. Check that the service runs and the disk has room, and drop them again.";
    }
    notice.replaceChildren(box);
  };

  // files: pairs of a name, perhaps with folders, and a File.
  const take = async (files) => {
    if (isSending || !files.length) return;
    isSending = true;
    list.replaceChildren();
    try {
      const opened = await fetch("/add", { method: "POST", headers: { "HX-Request": "true" } });
      if (opened.status !== 201) throw await opened.text();
      const { drop } = await opened.json();
      for (const [name, file] of files) {
        const shown = row(name);
        if (files.length > 50 && list.childElementCount > 6) list.firstElementChild.remove();
        await send(drop, name, file, shown);
      }
      window.location.assign(`/add/${drop}`);
    } catch (answer) {
      fail(typeof answer === "string" ? answer : "");
    } finally {
      isSending = false;
    }
  };

  // A folder that is dropped is walked through; names keep their folders.
  const walk = async (entry, above) => {
    const name = above + entry.name;
    if (entry.isFile) return [[name, await new Promise((resolve, reject) => entry.file(resolve, reject))]];
    const reader = entry.createReader();
    const found = [];
    for (;;) {
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!some.length) return found;
      for (const child of some) if (!child.name.startsWith(".")) found.push(...await walk(child, `${name}/`));
    }
  };

  const chosen = (input) => [...input.files].map((file) => [file.webkitRelativePath || file.name, file]);
  for (const id of ["files", "folder"]) {
    const input = document.getElementById(id);
    input.addEventListener("change", () => take(chosen(input)));
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("dragover", (event) => { event.preventDefault(); form.classList.add("over"); });
  form.addEventListener("dragleave", () => form.classList.remove("over"));
  form.addEventListener("drop", async (event) => {
    event.preventDefault();
    form.classList.remove("over");
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry()).filter(Boolean);
    const files = [];
    for (const entry of entries) files.push(...await walk(entry, ""));
    take(files);
  });
})();
