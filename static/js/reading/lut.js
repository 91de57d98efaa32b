/* From grey levels to the screen: a lookup table for 8- or 16-bit pixels. Knows nothing of canvases or of a protocol. */

const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
export const NARROWEST = 2; // levels; the formula below divides by width - 1

/** The window that shows every level as it is. */
export function fullWindow(bits) {
  return { centre: 2 ** (bits - 1), width: 2 ** bits };
}

/** An empty table for pixels of `bits` bits: one packed RGBA word, as ImageData holds it, for each grey level. */
export function newLut(bits) {
  return new Uint32Array(2 ** bits);
}

/** Fills `lut` by DICOM's linear function (PS3.3 C.11.2.1.2.1): centre and width in grey levels, width at least 2. */
export function fillLut(lut, { centre, width, inverted }) {
  const scale = 255 / (width - 1);
  for (let level = 0; level < lut.length; level += 1) {
    const linear = (level - (centre - 0.5)) * scale + 127.5;
    const clamped = Math.round(Math.min(Math.max(linear, 0), 255));
    const grey = inverted ? 255 - clamped : clamped;
    lut[level] = LITTLE_ENDIAN
      ? ((255 << 24) | (grey << 16) | (grey << 8) | grey) >>> 0
      : ((grey << 24) | (grey << 16) | (grey << 8) | 255) >>> 0;
  }
}

/** `words[i] = lut[grey[i]]`: the only loop over pixels. */
export function applyLut(lut, grey, words) {
  for (let i = 0; i < grey.length; i += 1) words[i] = lut[grey[i]];
}
