// A folder is packed in the browser into a ZIP without compression, made of references to the files: none is held in
// memory, and the server has one kind of upload to check.

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k += 1) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});
const LARGE = 0xffffffff;

/** The user does not want to go on. */
export class Stopped extends Error {}

async function crc32(file, stop) {
  let crc = 0xffffffff;
  const reader = file.stream().getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return (crc ^ 0xffffffff) >>> 0;
    if (stop.aborted) throw new Stopped();
    crc = updated(crc, value);
  }
}

function updated(crc, bytes) {
  for (let i = 0; i < bytes.length; i += 1) crc = CRC_TABLE[(crc ^ bytes[i]) & 0xff] ^ (crc >>> 8);
  return crc;
}

export function crc32OfBytes(bytes) {
  return (updated(0xffffffff, bytes) ^ 0xffffffff) >>> 0;
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
export async function packFiles(files, onProgress, stop) {
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
