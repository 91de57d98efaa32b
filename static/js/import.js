// Import page: drag and drop, whole folders, and how far the upload is. Without this script the form still takes a ZIP.
// A folder is packed here into a ZIP without compression, made of references to the files: none is held in memory,
// and the server has one kind of upload to check.

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k += 1) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});
const LARGE = 0xffffffff;

class Stopped extends Error {}

async function crc32(file, stop) {
  let crc = 0xffffffff;
  const reader = file.stream().getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return (crc ^ 0xffffffff) >>> 0;
    if (stop.aborted) throw new Stopped();
    for (let i = 0; i < value.length; i += 1) crc = CRC_TABLE[(crc ^ value[i]) & 0xff] ^ (crc >>> 8);
  }
}

// Little-endian fields, each [bytes, value].
function fields(...pairs) {
  const bytes = new Uint8Array(pairs.reduce((sum, [size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [size, value] of pairs) {
    if (size === 2) view.setUint16(at, value, true);
    else if (size === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += size;
  }
  return bytes;
}

// ZIP (APPNOTE 6.3, with ZIP64 where numbers need it) of [{path, file}].
async function packFiles(files, onProgress, stop) {
  const parts = [];
  const directory = [];
  let offset = 0;
  let done = 0;
  for (const { path, file } of files) {
    if (file.size >= LARGE) throw new Error(`${path} is larger than 4 GB.`);
    const name = new TextEncoder().encode(path);
    const crc = await crc32(file, stop);
    const common = [[2, 20], [2, 0x0800], [2, 0], [2, 0], [2, 0x21], [4, crc], [4, file.size], [4, file.size], [2, name.length]];
    const local = fields([4, 0x04034b50], ...common, [2, 0]);
    parts.push(local, name, file);
    const extra = offset >= LARGE ? fields([2, 1], [2, 8], [8, offset]) : new Uint8Array();
    const start = Math.min(offset, LARGE);
    directory.push(fields([4, 0x02014b50], [2, 45], ...common, [2, extra.length], [2, 0], [2, 0], [2, 0], [4, 0], [4, start]), name, extra);
    offset += local.length + name.length + file.size;
    done += 1;
    onProgress(done, files.length);
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const count = files.length;
  parts.push(...directory);
  if (count >= 0xffff || offset + size >= LARGE) {
    parts.push(
      fields([4, 0x06064b50], [8, 44], [2, 45], [2, 45], [4, 0], [4, 0], [8, count], [8, count], [8, size], [8, offset]),
      fields([4, 0x07064b50], [4, 0], [8, offset + size], [4, 1]),
    );
  }
  const shown = Math.min(count, 0xffff);
  parts.push(fields([4, 0x06054b50], [2, 0], [2, 0], [2, shown], [2, shown], [4, Math.min(size, LARGE)], [4, Math.min(offset, LARGE)], [2, 0]));
  return new Blob(parts, { type: "application/zip" });
}

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

function upload(form, body, onProgress, stop) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => onProgress(event.loaded, event.total));
    request.addEventListener("load", () => {
      try {
        resolve(JSON.parse(request.responseText));
      } catch {
        reject(new Error(`The server answered with status ${request.status}. Reload the page and try again.`));
      }
    });
    request.addEventListener("error", () => reject(new Error("The connection was lost during the upload. Try again.")));
    request.addEventListener("abort", () => reject(new Stopped()));
    stop.addEventListener("abort", () => request.abort());
    request.send(body);
  });
}

function megabytes(bytes) {
  return `${(bytes / 2 ** 20).toFixed(bytes < 100 * 2 ** 20 ? 1 : 0)} MB`;
}

class ImportPage {
  constructor(form) {
    this.form = form;
    this.input = form.elements.archive;
    this.folder = form.querySelector("[data-folder]");
    this.zone = form.querySelector("[data-drop]");
    this.files = null; // of a folder; null: what is in the file input
    for (const element of form.querySelectorAll("[data-needs-script]")) element.hidden = false;
    this.input.addEventListener("change", () => this.chooseArchive());
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

  chooseArchive() {
    this.files = null;
    this.folder.value = "";
    this.input.required = true;
    const [file] = this.input.files;
    this.say(file ? `${file.name}, ${megabytes(file.size)}` : "");
    if (file) this.suggestName(file.name.replace(/\.zip$/i, ""));
  }

  chooseFiles(files) {
    this.files = files.length ? files : null;
    this.input.value = "";
    this.input.required = !this.files;
    const size = files.reduce((sum, { file }) => sum + file.size, 0);
    this.say(files.length ? `${files.length} files, ${megabytes(size)}` : "The folder is empty.");
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
    if (single && /\.zip$/i.test(transfer.files[0].name)) {
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
      if (!(error instanceof Stopped)) this.fail(error.message);
    }
  }

  async send() {
    const form = this.form;
    const query = new URLSearchParams({ name: form.elements.dataset_name.value });
    const answer = await fetch(`${form.dataset.checkUrl}?${query}`, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error("You are not signed in any more. Reload the page.");
    const { error } = await answer.json();
    if (error) throw new Error(error);
    const body = new FormData(form);
    body.delete("archive");
    if (this.files) {
      this.progress("Reading the files", 0, this.files.length);
      const show = (done, total) => this.progress(`Reading file ${done} of ${total}`, done, total);
      body.append("archive", await packFiles(this.files, show, this.stop.signal), "folder.zip");
    } else {
      body.append("archive", this.input.files[0]);
    }
    const limit = Number(form.dataset.maxBytes);
    const { size } = body.get("archive");
    if (size > limit) {
      throw new Error(`The upload has ${megabytes(size)}; ${megabytes(limit)} are allowed. Split it over several imports.`);
    }
    const show = (sent, total) => this.progress(sent < total ? `Uploading ${megabytes(sent)} of ${megabytes(total)}` : "Uploaded; the server is taking it in", sent, total);
    const { url, errors } = await upload(form, body, show, this.stop.signal);
    if (!url) throw new Error(Object.values(errors ?? {}).flat().join(" ") || "The server refused the upload.");
    window.location.assign(url);
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
