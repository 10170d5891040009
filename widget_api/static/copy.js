// Copies a link or a text. Without scripts it can be selected by hand.
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.parentElement.hidden = false;
  const source = document.getElementById(button.dataset.copy);
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(source.href || source.textContent);
    button.parentElement.querySelector("[role=status]").textContent = button.dataset.done;
  });
}
