/* The study form: fields that another choice makes meaningless are put away, words that nobody has touched follow the
 * protocol, and a section that hides a mistake opens. Without this script everything is shown, and the server does the rest. */

const form = document.getElementById("study-form");

const chosen = (name) => form.querySelector(`[name="${name}"]:checked`)?.value ?? "";
const isOn = (name) => form.elements[name].checked;
const isGiven = (name) => Number(form.elements[name].value) > 0;

// --- data-needs="order=blocks": shown only then; several values are parted by "|" ---

const dependent = new Map(); // element to put away -> its condition
for (const element of form.querySelectorAll("[data-needs]")) {
  const input = element.matches("input, select, textarea");
  dependent.set(input ? element.closest("fieldset.mb-3, .mb-3") : element, element.dataset.needs);
}

function putAway() {
  for (const [element, condition] of dependent) {
    const [name, values] = condition.split("=");
    const hasError = element.querySelector(".tr-field-error") !== null;
    element.hidden = !values.split("|").includes(chosen(name)) && !hasError;
  }
}

// --- question and instructions, as long as they are the words that the program proposes ---

const words = JSON.parse(form.dataset.defaultWords);
const plain = (text) => text.split(/\s+/).filter(Boolean).join(" ");

function follow(name, key, field = form.elements[name]) {
  const proposed = words[name][key];
  if (proposed === undefined || plain(field.value) === plain(proposed)) return;
  if (Object.values(words[name]).some((text) => plain(text) === plain(field.value))) field.value = proposed;
}

function proposeWords() {
  const isTimed = isGiven("exposure_limit") || isGiven("time_limit");
  const hasFeedback = isGiven("n_practice") && isOn("practice_feedback");
  const asked = `${chosen("scale")} ${chosen("positive_class")}`;
  for (const field of form.querySelectorAll("[name$=question]")) follow("question", asked, field); // also of later phases
  follow("instructions", `${chosen("scale") === "pair"} ${isTimed} ${hasFeedback}`);
}

form.addEventListener("change", () => {
  putAway();
  proposeWords();
});
putAway();

// --- the browser cannot point at a mistake in a closed section ---

form.addEventListener("invalid", (event) => {
  for (let details = event.target.closest("details"); details; details = details.parentElement.closest("details")) {
    details.open = true;
  }
}, true);
