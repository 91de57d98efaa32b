/* How regions look on the stage: one's own with handles, those of two annotators in two colours and two patterns. */

export const HANDLE = 9; // CSS pixels: how near to an edge the pointer takes hold of it

const OWN = "#f0e442";
const QUIET = "#ffffff";
const OTHERS = [
  { colour: "#ff9a3c", dash: [] },
  { colour: "#56b4e9", dash: [10, 6] },
];

/** All of an editor's regions, and, beneath, what others drew: `others` is a list of {code, regions} of two at most. */
export function paintRegions(context, place, editor, others) {
  for (const [index, other] of others.entries()) {
    for (const region of other.regions ?? []) {
      if (region.box === null) continue;
      outline(context, place, region.box, { ...OTHERS[index], thick: 2 });
      const isActive = region.name === editor.current.name;
      if (isActive) caption(context, place, region.box, `${other.code}: ${region.label}`, OTHERS[index].colour, index === 0 ? "above" : "below");
    }
  }
  for (const [index, region] of editor.regions.entries()) {
    if (region.box === null) continue;
    const isActive = index === editor.active;
    const colour = isActive ? OWN : QUIET;
    outline(context, place, region.box, { colour, dash: region.offered ? [4, 4] : [], thick: isActive ? 3 : 1.5 });
    if (isActive) handles(context, place, region.box, colour);
    caption(context, place, region.box, `${region.name}${region.label ? `: ${region.label}` : ""}`, colour, "inside");
  }
}

function onScreen({ left, top, zoom }, box) {
  return { x: left + box.x * zoom, y: top + box.y * zoom, width: box.width * zoom, height: box.height * zoom };
}

// a dark line beneath, so that it shows on bone as on air
function outline(context, place, box, { colour, dash, thick }) {
  const { x, y, width, height } = onScreen(place, box);
  const unit = place.ratio;
  context.setLineDash([]);
  context.lineWidth = (thick + 2) * unit;
  context.strokeStyle = "rgb(0 0 0 / 65%)";
  context.strokeRect(x, y, width, height);
  context.setLineDash(dash.map((length) => length * unit));
  context.lineWidth = thick * unit;
  context.strokeStyle = colour;
  context.strokeRect(x, y, width, height);
  context.setLineDash([]);
}

function handles(context, place, box, colour) {
  const { x, y, width, height } = onScreen(place, box);
  const side = 8 * place.ratio;
  context.fillStyle = colour;
  for (const across of [x, x + width]) {
    for (const down of [y, y + height]) context.fillRect(across - side / 2, down - side / 2, side, side);
  }
}

function caption(context, place, box, text, colour, where) {
  const { x, y, width, height } = onScreen(place, box);
  const unit = place.ratio;
  context.font = `${14 * unit}px system-ui, sans-serif`;
  context.textBaseline = "top";
  const space = 4 * unit;
  const line = 20 * unit;
  const top = { above: y - line - space, below: y + height + space, inside: y + space }[where];
  const long = context.measureText(text).width + 2 * space;
  const left = Math.min(Math.max(x + space, 0), Math.max(0, context.canvas.width - long));
  if (where === "inside" && (width < long / 2 || height < line)) return caption(context, place, box, text, colour, "above");
  context.fillStyle = "rgb(0 0 0 / 65%)";
  context.fillRect(left, top, long, line);
  context.fillStyle = colour;
  context.fillText(text, left + space, top + 2 * unit);
}
