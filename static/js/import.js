// Import page: drag and drop, whole folders, and how far the upload is. Without this script the form still takes a ZIP.

import { keyOf, upload } from "./upload.js";
import { packFiles, Stopped } from "./zip.js";

// Every file below dropped folders: [{path, file}].
async function readEntries(entries) {
  const files = [];
  async function walk(entry, prefix) {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      files.push({ path: prefix + entry.name, file });
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!batch.length) return;
      for (const child of batch) await walk(child, `${prefix}${entry.name}/`);
    }
  }
  for (const entry of entries) await walk(entry, "");
  return files;
}

function megabytes(bytes) {
  return `${(bytes / 2 ** 20).toFixed(bytes < 100 * 2 ** 20 ? 1 : 0)} MB`;
}

const ARCHIVE = /\.(zip|npz)$/i;

async function isArchive(file) {
  if (ARCHIVE.test(file.name)) return true;
  const [first, second] = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  return first === 0x50 && second === 0x4b; // "PK"
}

class ImportPage {
  constructor(form) {
    this.form = form;
    this.input = form.elements.archive;
    this.folder = form.querySelector("[data-folder]");
    this.zone = form.querySelector("[data-drop]");
    this.files = null; // of a folder; null: what is in the file input
    for (const element of form.querySelectorAll("[data-needs-script]")) element.hidden = false;
    this.input.multiple = true;
    this.input.addEventListener("change", () => {
      this.chosen = this.chooseFromInput();
    });
    this.folder.addEventListener("change", () => {
      this.chooseFiles(Array.from(this.folder.files, (file) => ({ path: file.webkitRelativePath || file.name, file })));
    });
    for (const type of ["dragenter", "dragover"]) {
      this.zone.addEventListener(type, (event) => {
        event.preventDefault();
        this.zone.classList.add("tr-drop-over");
      });
    }
    this.zone.addEventListener("dragleave", () => this.zone.classList.remove("tr-drop-over"));
    this.zone.addEventListener("drop", (event) => this.drop(event));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    form.querySelector("[data-stop]").addEventListener("click", () => this.stop.abort());
  }

  say(text) {
    this.form.querySelector("[data-chosen]").textContent = text;
  }

  // One archive, or images: these are packed as those of a folder are.
  async chooseFromInput() {
    const files = Array.from(this.input.files);
    if (files.length === 0 || (files.length === 1 && (await isArchive(files[0])))) this.chooseArchive();
    else this.chooseFiles(files.map((file) => ({ path: file.name, file })));
  }

  chooseArchive() {
    this.files = null;
    this.folder.value = "";
    this.input.required = true;
    const [file] = this.input.files;
    this.say(file ? `${file.name}, ${megabytes(file.size)}` : "");
    if (file) this.suggestName(file.name.replace(ARCHIVE, ""));
  }

  chooseFiles(files) {
    this.files = files.length ? files : null;
    this.input.value = "";
    this.input.required = !this.files;
    const size = files.reduce((sum, { file }) => sum + file.size, 0);
    const count = files.length === 1 ? "1 file" : `${files.length} files`;
    this.say(files.length ? `${count}, ${megabytes(size)}` : "The folder is empty.");
    if (files.length && files[0].path.includes("/")) this.suggestName(files[0].path.split("/")[0]);
  }

  suggestName(name) {
    const field = this.form.elements.dataset_name;
    if (!field.value) field.value = name.slice(0, 200);
  }

  async drop(event) {
    event.preventDefault();
    this.zone.classList.remove("tr-drop-over");
    const transfer = event.dataTransfer;
    const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry?.()).filter(Boolean);
    const single = transfer.files.length === 1 && entries.every((entry) => entry.isFile);
    if (single && ARCHIVE.test(transfer.files[0].name)) {
      this.input.files = transfer.files;
      this.chooseArchive();
    } else if (entries.length) {
      this.say("Reading the folder …");
      try {
        this.chooseFiles(await readEntries(entries));
      } catch {
        this.say("The folder could not be read. Choose it with the button.");
      }
    }
  }

  async submit() {
    this.stop = new AbortController();
    this.fail("");
    this.busy(true);
    try {
      await this.send();
    } catch (error) {
      this.busy(false);
      if (!(error instanceof Stopped) && error.name !== "AbortError") this.fail(error.message);
      else this.say("Stopped. What has arrived stays for a week: choose the same file again to go on.");
    }
  }

  async send() {
    const form = this.form;
    await this.chosen;
    const query = new URLSearchParams({ name: form.elements.dataset_name.value });
    const answer = await fetch(`${form.dataset.checkUrl}?${query}`, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error("You are not signed in any more. Reload the page.");
    const { error } = await answer.json();
    if (error) throw new Error(error);
    const body = new FormData(form);
    body.delete("archive");
    body.set("upload", await this.upload());
    this.progress("Uploaded; the server is taking it in", 1, 1);
    const taken = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" }, signal: this.stop.signal });
    const { url, errors } = await taken.json();
    if (!url) throw new Error(Object.values(errors ?? {}).flat().join(" ") || "The server refused the upload.");
    window.location.assign(url);
  }

  // The id of an upload that the server has whole.
  async upload() {
    const stop = this.stop.signal;
    let blob = this.input.files[0];
    let files = [{ path: blob?.name, file: blob }];
    if (this.files) {
      files = this.files;
      const show = (done, total) => this.progress(`Reading file ${done} of ${total}`, done, total);
      blob = await packFiles(files, show, stop);
    }
    const limit = Number(this.form.dataset.maxBytes);
    if (blob.size > limit) {
      throw new Error(`The upload has ${megabytes(blob.size)}; ${megabytes(limit)} are allowed. Split it over several imports.`);
    }
    let words = "";
    return upload(blob, {
      url: this.form.dataset.uploadUrl,
      name: this.files ? "folder.zip" : blob.name,
      key: keyOf(files),
      stop,
      onProgress: (sent, total, resumedFrom) => {
        words = `Uploading ${megabytes(sent)} of ${megabytes(total)}`;
        if (resumedFrom) words += ` (going on after ${megabytes(resumedFrom)}, which were there already)`;
        this.progress(words, sent, total);
      },
      onWait: (seconds) => this.sayWaiting(words, seconds),
    });
  }

  sayWaiting(words, seconds) {
    const text = `${words || "Uploading"}. No connection to the server; nothing that has arrived is lost. Next attempt in ${Math.ceil(seconds)} s.`;
    this.form.querySelector("[data-progress-text]").textContent = text;
  }

  progress(text, done, total) {
    this.form.querySelector("[data-progress-text]").textContent = text;
    this.form.querySelector("[data-progress-bar]").value = total ? done / total : 0;
  }

  busy(on) {
    this.form.querySelector("[data-progress]").hidden = !on;
    this.form.querySelector("[data-submit]").disabled = on;
    if (on) this.progress("Starting", 0, 1);
  }

  fail(text) {
    const box = this.form.querySelector("[data-failure]");
    box.textContent = text;
    box.hidden = !text;
    if (text) box.scrollIntoView({ block: "nearest" });
  }
}

for (const form of document.querySelectorAll("[data-import]")) new ImportPage(form);
