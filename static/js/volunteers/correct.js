/** The page that corrects a record. Everything works without this file. */
import { count } from "./counter.js";
import { speaker } from "../core/messages.js";
import { enhanceStepper } from "./stepper.js";
import { WhenWhere } from "./when-where.js";

const form = document.querySelector("#correction");
const say = speaker(form);
document.documentElement.classList.add("js");

new WhenWhere(form, say).refresh();
enhanceStepper(form.querySelector("[data-stepper]"));
count(form, say);
