/** What can be noticed before sending. The server checks everything again. */
import { lengthOf } from "./counter.js";
import { localToday } from "./days.js";

const number = (text) => (text.trim() === "" ? NaN : Number(text.trim().replace(",", ".")));

export function problemsOf(form, photoCount, say) {
  const problems = [];
  const report = (field, key, values) => problems.push({ field, message: say(key, values) });
  const value = (name) => form.elements[name].value;

  if (photoCount === 0) report("file", "needPhoto");
  if (!value("claim")) report("claim", "needClaim");

  for (const input of form.querySelectorAll("input[type=number]")) {
    const count = number(input.value);
    if (!Number.isInteger(count) || count < Number(input.min) || count > Number(input.max)) report(input.name, "badCount");
  }

  for (const input of form.querySelectorAll("[data-longest]")) {
    const over = lengthOf(input.value) - Number(input.dataset.longest);
    if (over > 0) report(input.name, "tooLong", { over, longest: input.dataset.longest });
  }

  if (value("event_date") > localToday()) report("event_date", "futureDate");

  const [latitude, longitude] = [value("latitude"), value("longitude")];
  if (Boolean(latitude.trim()) !== Boolean(longitude.trim())) report(latitude.trim() ? "longitude" : "latitude", "bothCoordinates");
  else if (latitude.trim()) {
    if (!(Math.abs(number(latitude)) <= 90)) report("latitude", "badLatitude");
    if (!(Math.abs(number(longitude)) <= 180)) report("longitude", "badLongitude");
  }
  return problems;
}
