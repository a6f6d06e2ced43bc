/**
 * The square around a butterfly, in pixels of the upright photo: {x, y, side}.
 * Everything here is plain arithmetic; a photo is {width, height}. Squares never leave the photo.
 */
export const CORNERS = ["nw", "ne", "se", "sw"];

const shortSide = (photo) => Math.min(photo.width, photo.height);
export const smallestSide = (photo) => Math.max(8, shortSide(photo) * 0.04);
export const usualSide = (photo) => shortSide(photo) * 0.36;
const between = (low, value, high) => Math.min(Math.max(value, low), high);

/** The nearest square that lies in the photo. */
export function fit({ x, y, side }, photo) {
  const size = between(smallestSide(photo), side, shortSide(photo));
  return { x: between(0, x, photo.width - size), y: between(0, y, photo.height - size), side: size };
}

export function around(point, side, photo) {
  return fit({ x: point.x - side / 2, y: point.y - side / 2, side }, photo);
}

export function move(square, dx, dy, photo) {
  return fit({ ...square, x: square.x + dx, y: square.y + dy }, photo);
}

export function grow(square, factor, photo) {
  const side = between(smallestSide(photo), square.side * factor, shortSide(photo));
  return around({ x: square.x + square.side / 2, y: square.y + square.side / 2 }, side, photo);
}

/** From a fixed corner towards a point: the side is the larger distance, within the photo. */
export function stretch(anchor, point, photo) {
  const right = point.x >= anchor.x;
  const down = point.y >= anchor.y;
  const room = Math.min(right ? photo.width - anchor.x : anchor.x, down ? photo.height - anchor.y : anchor.y);
  const distance = Math.max(Math.abs(point.x - anchor.x), Math.abs(point.y - anchor.y));
  const side = Math.min(Math.max(distance, smallestSide(photo)), Math.max(room, smallestSide(photo)));
  return fit({ x: right ? anchor.x : anchor.x - side, y: down ? anchor.y : anchor.y - side, side }, photo);
}

export function corner(square, name) {
  return {
    x: square.x + (name.includes("e") ? square.side : 0),
    y: square.y + (name.includes("s") ? square.side : 0),
  };
}

export const opposite = (name) => CORNERS[(CORNERS.indexOf(name) + 2) % 4];

/** Whether two squares are equal. */
export const same = (a, b) => Boolean(a && b) && a.x === b.x && a.y === b.y && a.side === b.side;

/** The nearest point that keeps a margin from the photo's edges. */
export function inside(point, margin, photo) {
  return {
    x: between(margin, point.x, Math.max(margin, photo.width - margin)),
    y: between(margin, point.y, Math.max(margin, photo.height - margin)),
  };
}

/** Parses "x y width height", fractions of the photo; null for an empty text. */
export function partOf(text) {
  if (!text) return null;
  const [x, y, width, height] = text.split(" ").map(Number);
  return { x, y, width, height };
}

/** Parses several of them, each ending with a semicolon. */
export const partsOf = (text) => (text ?? "").split(";").filter(Boolean).map(partOf);

/** From the server: {x, y, width, height}, fractions of the upright photo. */
export function fromFractions({ x, y, width, height }, photo) {
  const side = between(smallestSide(photo), Math.max(width * photo.width, height * photo.height), shortSide(photo));
  return around({ x: (x + width / 2) * photo.width, y: (y + height / 2) * photo.height }, side, photo);
}

/** As the server reads it: "x,y,width,height", fractions of the upright photo. */
export function fractions({ x, y, side }, photo) {
  return [x / photo.width, y / photo.height, side / photo.width, side / photo.height]
    .map((value) => between(0, value, 1).toFixed(5))
    .join(",");
}
