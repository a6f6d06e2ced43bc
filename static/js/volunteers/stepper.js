/** Minus and plus beside a number. */
export function enhanceStepper(element) {
  const input = element.querySelector("input");
  for (const button of element.querySelectorAll("[data-step]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const next = (parseInt(input.value, 10) || 0) + Number(button.dataset.step);
      input.value = Math.min(Math.max(next, Number(input.min)), Number(input.max));
      input.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }
}
