// The generator follows a choice at once; without scripts its button does the same. Colours the widgets it shows.
for (const widget of document.querySelectorAll("igrajdanin-widget[data-accent]")) {
  widget.style.setProperty("--igw-accent", widget.dataset.accent);
  widget.style.setProperty("--igw-accent-ink", widget.dataset.ink);
}
const form = document.querySelector("form[data-submit]");
form.addEventListener("change", event => {
  if (event.target.tagName === "SELECT") form.requestSubmit ? form.requestSubmit() : form.submit();
});
