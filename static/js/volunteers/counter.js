/** How much of a long text fits, said when it gets tight. Characters are counted as the service counts them. */
const TIGHT = 0.9;

export const lengthOf = (text) => [...text.normalize("NFC")].length;

export function count(form, say) {
  for (const input of form.querySelectorAll("[data-longest]")) {
    const longest = Number(input.dataset.longest);
    const line = form.querySelector(`[data-counter="${CSS.escape(input.name)}"]`);
    const tell = () => {
      const length = lengthOf(input.value);
      line.hidden = length < longest * TIGHT;
      line.textContent = line.hidden ? "" : say(length > longest ? "tooLong" : "counted", { length, longest, over: length - longest });
    };
    input.addEventListener("input", tell);
    tell();
  }
}
