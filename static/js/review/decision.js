/** From the form on the desk to what the service is told, and to the sentence that says it. */

const LONGEST_SECONDS = 86400;

/** null where there is nothing to decide yet: no taxon was chosen. */
export function bodyOf(form, submitter, seconds) {
  const [kind, named] = (submitter?.value ?? "").split(":");
  const taxon = kind === "taxon" ? named ?? form.elements.taxon.value.trim() : null;
  if (kind === "taxon" && !taxon) {
    form.elements.taxon.focus();
    return null;
  }
  return {
    decision: taxon ? `taxon:${taxon}` : kind,
    status_code: form.querySelector("[name=status_code]:checked").value,
    remark: form.elements.remark.value.trim(),
    message: form.elements.message.value.trim(),
    revision: form.elements.revision.value,
    seconds: Math.min(seconds, LONGEST_SECONDS).toFixed(1),
  };
}

export function saidOf(submitter, form, say) {
  const [kind, named] = submitter.value.split(":");
  if (kind === "unable") return say("saidUnable");
  if (kind === "no_butterfly") return say("saidNoButterfly");
  const name = submitter.dataset.said ?? named ?? form.elements.taxon.value.trim();
  return say({ V1: "saidTaxon", V2: "saidConsidered", C3: "saidPlausible" }[form.querySelector("[name=status_code]:checked").value], { name });
}
