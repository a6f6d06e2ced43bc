/**
 * How a photo lies in a box: plain arithmetic, no page.
 *
 * A size is {width, height}. A view is {scale, x, y, turns}: screen pixels per photo pixel, the photo's middle as an
 * offset in screen pixels from the box's middle, and quarter turns to the right, 0…3.
 */
const LARGEST = 24;
const MARGIN = 1.25;
const between = (low, value, high) => Math.min(Math.max(value, low), high);

/** The size of the photo as it lies, before scaling. */
export function turned(photo, turns) {
  return turns % 2 ? { width: photo.height, height: photo.width } : { width: photo.width, height: photo.height };
}

/** The scale at which the whole photo is seen and fills the box in one direction. */
export function fittingScale(photo, box, turns) {
  const { width, height } = turned(photo, turns);
  return Math.min(box.width / width, box.height / height);
}

export function fitted(photo, box, turns = 0) {
  return { scale: fittingScale(photo, box, turns), x: 0, y: 0, turns };
}

/** The nearest view without a gap that the photo could fill. */
export function settled(view, photo, box) {
  const least = Math.min(fittingScale(photo, box, view.turns), 1);
  const scale = between(least, view.scale, Math.max(LARGEST, least));
  const { width, height } = turned(photo, view.turns);
  const room = { x: Math.max(0, (width * scale - box.width) / 2), y: Math.max(0, (height * scale - box.height) / 2) };
  return { scale, x: between(-room.x, view.x, room.x), y: between(-room.y, view.y, room.y), turns: view.turns };
}

/** Zoom by a factor; what lies under `point` (an offset from the box's middle) stays there. */
export function zoomed(view, factor, point, photo, box) {
  const least = Math.min(fittingScale(photo, box, view.turns), 1);
  const scale = between(least, view.scale * factor, Math.max(LARGEST, least));
  const ratio = scale / view.scale;
  const moved = { ...view, scale, x: point.x - (point.x - view.x) * ratio, y: point.y - (point.y - view.y) * ratio };
  return settled(moved, photo, box);
}

export function panned(view, dx, dy, photo, box) {
  return settled({ ...view, x: view.x + dx, y: view.y + dy }, photo, box);
}

/** The view in which a part of the photo, {x, y, width, height} as fractions of its sides, fills the box with a margin. */
export function onto(part, photo, box, turns = 0) {
  const size = turned({ width: part.width * photo.width, height: part.height * photo.height }, turns);
  const scale = Math.min(box.width / size.width, box.height / size.height) / MARGIN;
  let [x, y] = [(0.5 - part.x - part.width / 2) * photo.width * scale, (0.5 - part.y - part.height / 2) * photo.height * scale];
  for (let turn = 0; turn < turns; turn += 1) [x, y] = [-y, x];
  return settled({ scale, x, y, turns }, photo, box);
}

/** A quarter turn to the right (+1) or to the left (-1), around the box's middle. A photo that fitted still fits. */
export function rotated(view, by, photo, box) {
  const turns = (view.turns + by + 4) % 4;
  if (isFitted(view, photo, box)) return fitted(photo, box, turns);
  const [x, y] = by > 0 ? [-view.y, view.x] : [view.y, -view.x];
  return settled({ scale: view.scale, x, y, turns }, photo, box);
}

export function isFitted(view, photo, box) {
  return Math.abs(view.scale / fittingScale(photo, box, view.turns) - 1) < 0.001;
}

/** The view as a CSS transform of an element of the photo's size whose origin is its upper left corner. */
export function transformOf(view, photo, box) {
  const middle = { x: box.width / 2 + view.x, y: box.height / 2 + view.y };
  return (
    `translate(${middle.x}px, ${middle.y}px) rotate(${view.turns * 90}deg) scale(${view.scale}) ` +
    `translate(${-photo.width / 2}px, ${-photo.height / 2}px)`
  );
}

/** Two fingers before and after: how much they spread, and how far their middle moved. */
export function pinch(before, after) {
  const apart = ([a, b]) => Math.max(1, Math.hypot(a.x - b.x, a.y - b.y));
  const middle = ([a, b]) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
  const [from, to] = [middle(before), middle(after)];
  return { factor: apart(after) / apart(before), point: to, dx: to.x - from.x, dy: to.y - from.y };
}
