// The generator follows each choice in place: it asks for the page of that choice and takes over what differs.
// Without scripts the form's button leads to the same page.
const form = document.querySelector("form[data-live]");
const preview = document.querySelector("#script igrajdanin-widget");
let asked = 0;

function dress({ accent, ink }) {
  for (const [name, value] of [["--igw-accent", accent], ["--igw-accent-ink", ink]]) {
    if (value) preview.style.setProperty(name, value);
    else preview.style.removeProperty(name);
  }
}

// What is wrong with a choice stands beside its field, and is read out when it comes.
function tell(field, answered) {
  const control = field.querySelector("input, select");
  const before = field.querySelector(".field-error");
  const error = answered.querySelector(".field-error");
  for (const name of ["aria-describedby", "aria-invalid"]) {
    const value = answered.querySelector("input, select").getAttribute(name);
    if (value) control.setAttribute(name, value);
    else control.removeAttribute(name);
  }
  if (before && error && before.textContent === error.textContent) return;
  before?.remove();
  if (!error) return;
  error.setAttribute("role", "alert");
  control.before(error);
}

async function follow() {
  const turn = ++asked;
  const address = `${location.pathname}?${new URLSearchParams(new FormData(form))}`;
  const answer = await fetch(address);
  if (!answer.ok || turn !== asked) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  history.replaceState(null, "", address);
  for (const code of document.querySelectorAll("code[id]")) code.textContent = page.getElementById(code.id).textContent;
  for (const note of document.querySelectorAll("[data-note]")) {
    note.replaceChildren(...page.querySelector(`[data-note="${note.dataset.note}"]`).childNodes);
  }
  for (const control of form.querySelectorAll("input[type=text]"))
    tell(control.closest(".field"), page.getElementById(control.id).closest(".field"));
  const { attributes, dataset } = page.querySelector("#script igrajdanin-widget");
  for (const { name } of [...preview.attributes]) if (name !== "style" && !(name in attributes)) preview.removeAttribute(name);
  for (const { name, value } of attributes) if (preview.getAttribute(name) !== value) preview.setAttribute(name, value);
  dress(dataset);
  const frame = document.querySelector("#frame iframe");
  const source = page.querySelector("#frame iframe").getAttribute("src");
  if (frame.getAttribute("src") !== source) frame.setAttribute("src", source);
}

dress(preview.dataset);
form.addEventListener("change", follow);
