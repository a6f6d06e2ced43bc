/**
 * Day and spot: filled from the photo or the device where possible, always open to correction, always with their source.
 * What a person filled in or took away is theirs: no photo changes it any more.
 */
import { localToday } from "./days.js";

const SOURCE_SENTENCES = { exif: "fromPhoto", device: "fromDevice", typed: "fromYou" };
const decimals = (value) => value.toFixed(5);

export class WhenWhere {
  constructor(form, say) {
    this.form = form;
    this.say = say;
    const find = (selector) => form.querySelector(selector);
    this.day = form.elements.event_date;
    this.daySource = form.elements.event_date_source;
    this.latitude = form.elements.latitude;
    this.longitude = form.elements.longitude;
    this.spotSource = form.elements.coordinate_source;
    this.dayText = find('[data-source-text="event_date"]');
    this.spotLine = find("[data-source-line]");
    this.spotText = find('[data-source-text="coordinates"]');
    this.status = find("[data-locate-status]");
    this.locateButton = find("[data-locate]");
    this.isTheirs = { day: false, spot: false };
    this.#listen(find);
  }

  #listen(find) {
    this.day.addEventListener("focus", () => { this.day.max = localToday(); });
    this.day.addEventListener("input", () => this.#takeDay(this.day.value));
    const today = find("[data-today]");
    today.hidden = false;
    today.addEventListener("click", () => {
      this.#takeDay(localToday());
      this.day.dispatchEvent(new Event("input", { bubbles: true }));
    });
    for (const input of [this.latitude, this.longitude]) {
      input.addEventListener("input", () => {
        this.isTheirs.spot = true;
        this.#showSpot("typed");
      });
    }
    this.locateButton.hidden = !("geolocation" in navigator && window.isSecureContext);
    this.locateButton.addEventListener("click", () => this.#locate());
    const forget = find("[data-forget]");
    forget.hidden = false;
    forget.addEventListener("click", () => {
      this.#takeSpot("", "", "typed");
      (this.locateButton.hidden ? this.latitude : this.locateButton).focus();
    });
  }

  /** Fills in what is still empty. */
  offer({ day, latitude, longitude }) {
    if (day && !this.day.value && !this.isTheirs.day) this.#setDay(day, "exif");
    if (latitude !== null && !this.latitude.value && !this.longitude.value && !this.isTheirs.spot) {
      this.#setSpot(decimals(latitude), decimals(longitude), "exif");
    }
  }

  /** The photos that these came from are gone. */
  withdraw() {
    if (this.daySource.value === "exif") this.#setDay("", "typed");
    if (this.spotSource.value === "exif") this.#setSpot("", "", "typed");
  }

  refresh() {
    this.#showSpot(this.spotSource.value);
  }

  get hasDay() {
    return this.day.value !== "";
  }

  get hasSpot() {
    return this.latitude.value.trim() !== "" || this.longitude.value.trim() !== "";
  }

  /** What is empty here stays empty: the service is not to look for it in the photos. */
  addTo(data) {
    if (!this.hasDay) data.set("event_date_source", "missing");
    if (!this.hasSpot) data.set("coordinate_source", "missing");
    return data;
  }

  #takeDay(day) {
    this.isTheirs.day = true;
    this.#setDay(day, "typed");
  }

  #takeSpot(latitude, longitude, source) {
    this.isTheirs.spot = true;
    this.#setSpot(latitude, longitude, source);
    this.latitude.dispatchEvent(new CustomEvent("wingcheck:spot", { bubbles: true }));
  }

  #setDay(day, source) {
    if (this.day.value !== day) this.day.value = day;
    this.daySource.value = source;
    this.dayText.hidden = source !== "exif";
    this.dayText.textContent = this.dayText.hidden ? "" : this.say("fromPhoto"); // hidden text would still describe the field
  }

  #setSpot(latitude, longitude, source) {
    this.latitude.value = latitude;
    this.longitude.value = longitude;
    this.#showSpot(source);
  }

  #showSpot(source) {
    this.spotSource.value = source;
    const there = this.latitude.value && this.longitude.value;
    this.spotLine.hidden = !there;
    this.form.querySelector("[data-coordinates]").textContent = `${this.latitude.value}, ${this.longitude.value}`;
    this.spotText.textContent = this.say(SOURCE_SENTENCES[source] ?? "fromYou");
  }

  #locate() {
    this.status.textContent = this.say("locating");
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        this.status.textContent = "";
        this.#takeSpot(decimals(coords.latitude), decimals(coords.longitude), "device");
      },
      (problem) => { this.status.textContent = this.say(problem.code === 1 ? "locateDenied" : "locateFailed"); },
      { enableHighAccuracy: true, timeout: 15000, maximumAge: 60000 },
    );
  }
}
