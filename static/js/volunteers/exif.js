/**
 * What a camera wrote into a photo: the day, and the spot on the map. The reader is fetched with the first photo.
 * The service reads the same way (app/submissions/photos.py); tests/odd_exif.py holds both to it.
 */
import { localToday } from "./days.js";

const TIME = /^(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)/;
let reader = null;

async function load(address) {
  reader ??= import(address).then(() => globalThis.ExifReader);
  return reader;
}

/** The text of a tag; null where it holds something else. */
function textOf(tag) {
  const parts = tag?.value;
  return Array.isArray(parts) && parts.every((part) => typeof part === "string") ? parts.join("") : null;
}

/** "2026:07:19 14:03:22" → "2026-07-19"; null for what no working clock says. */
function dayOf(tag) {
  const numbers = TIME.exec(textOf(tag) ?? "")?.slice(1).map(Number);
  if (!numbers) return null;
  const [year, month, day, hour, minute, second] = numbers;
  const moment = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  const again = [moment.getUTCFullYear(), moment.getUTCMonth() + 1, moment.getUTCDate(), moment.getUTCHours(),
    moment.getUTCMinutes(), moment.getUTCSeconds()];
  if (year < 1990 || again.some((number, index) => number !== numbers[index])) return null; // 30 February
  const written = moment.toISOString().slice(0, 10);
  return written > localToday() ? null : written;
}

/** Degrees, negative for the second of the two letters; null without a letter: half of the globe is unknown then. */
function degreesOf(tag, letterTag, letters, largest) {
  const letter = (textOf(letterTag) ?? "").replace(/^[ \t\0]+/, "").slice(0, 1).toUpperCase();
  const parts = tag?.value;
  if (![...letters].includes(letter) || !Array.isArray(parts) || parts.length !== 3) return null;
  if (!parts.every((part) => Array.isArray(part) && part[1] !== 0 && part[0] / part[1] >= 0)) return null;
  const [degrees, minutes, seconds] = parts.map(([numerator, denominator]) => numerator / denominator);
  const total = degrees + minutes / 60 + seconds / 3600;
  if (total > largest) return null;
  return letter === letters[1] ? -total : total;
}

/** @returns {Promise<{day: string|null, latitude: number|null, longitude: number|null}>} nothing found: all null. */
export async function readPhoto(file, readerAddress) {
  try {
    const ExifReader = await load(readerAddress);
    const { exif = {} } = ExifReader.load(await file.arrayBuffer(), { expanded: true });
    const latitude = degreesOf(exif.GPSLatitude, exif.GPSLatitudeRef, "NS", 90);
    const longitude = degreesOf(exif.GPSLongitude, exif.GPSLongitudeRef, "EW", 180);
    const nowhere = latitude === null || longitude === null || (latitude === 0 && longitude === 0);
    return {
      day: dayOf(exif.DateTimeOriginal) ?? dayOf(exif.DateTimeDigitized),
      latitude: nowhere ? null : latitude,
      longitude: nowhere ? null : longitude,
    };
  } catch {
    return { day: null, latitude: null, longitude: null };
  }
}
