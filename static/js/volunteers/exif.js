/** What a camera wrote into a photo: the day, and the spot on the map. The reader is fetched with the first photo. */
let reader = null;

async function load(address) {
  reader ??= import(address).then(() => globalThis.ExifReader);
  return reader;
}

/** "2026:07:19 14:03:22" → "2026-07-19"; anything else → null. */
export function isoDay(text) {
  const match = /^(\d{4})[:-](\d{2})[:-](\d{2})/.exec(text ?? "");
  if (!match) return null;
  const day = `${match[1]}-${match[2]}-${match[3]}`;
  return Number.isNaN(Date.parse(day)) || match[1] < "1990" ? null : day;
}

/** @returns {Promise<{day: string|null, latitude: number|null, longitude: number|null}>} nothing found: all null. */
export async function readPhoto(file, readerAddress) {
  const nothing = { day: null, latitude: null, longitude: null };
  try {
    const ExifReader = await load(readerAddress);
    const { exif = {}, gps = {} } = ExifReader.load(await file.arrayBuffer(), { expanded: true });
    const taken = exif.DateTimeOriginal ?? exif.DateTimeDigitized;
    const located = Number.isFinite(gps.Latitude) && Number.isFinite(gps.Longitude) && (gps.Latitude !== 0 || gps.Longitude !== 0);
    return {
      day: isoDay(taken?.description),
      latitude: located ? gps.Latitude : null,
      longitude: located ? gps.Longitude : null,
    };
  } catch {
    return nothing;
  }
}
