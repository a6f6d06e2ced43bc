/** Keys on pages of the desk that have nothing else to do. */
import { enhanceHelp } from "./help.js";
import { Keys } from "./keys.js";

document.documentElement.classList.add("js");
const keys = new Keys(() => document.querySelector(":popover-open") ?? document.body);
const help = document.querySelector("#help");
if (help) enhanceHelp(help, keys, () => document.body);
