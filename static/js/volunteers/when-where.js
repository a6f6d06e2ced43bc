/** Day and spot: filled from the photo or the device where possible, always open to correction, always with their source. */
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
    this.#listen(find);
  }

  #listen(find) {
    this.day.addEventListener("input", () => this.#setDay(this.day.value, "typed"));
    const today = find("[data-today]");
    today.hidden = false;
    today.addEventListener("click", () => this.#setDay(localToday() > today.dataset.today ? today.dataset.today : localToday(), "typed"));
    for (const input of [this.latitude, this.longitude]) input.addEventListener("input", () => this.#showSpot("typed"));
    this.locateButton.hidden = !("geolocation" in navigator && window.isSecureContext);
    this.locateButton.addEventListener("click", () => this.#locate());
    const forget = find("[data-forget]");
    forget.hidden = false;
    forget.addEventListener("click", () => {
      this.#setSpot("", "", "typed");
      (this.locateButton.hidden ? this.latitude : this.locateButton).focus();
    });
  }

  /** Fills in what is still empty, or what came from an earlier photo. Never touches what a person wrote. */
  offer({ day, latitude, longitude }) {
    if (day && !this.day.value) this.#setDay(day, "exif");
    if (latitude !== null && !this.latitude.value && !this.longitude.value) {
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
        this.#setSpot(decimals(coords.latitude), decimals(coords.longitude), "device");
      },
      (problem) => { this.status.textContent = this.say(problem.code === 1 ? "locateDenied" : "locateFailed"); },
      { enableHighAccuracy: true, timeout: 15000, maximumAge: 60000 },
    );
  }
}

function localToday() {
  const now = new Date();
  return new Date(now.getTime() - now.getTimezoneOffset() * 60000).toISOString().slice(0, 10);
}
