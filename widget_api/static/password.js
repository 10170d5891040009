// Shows a password while it is typed. Without scripts it stays hidden.
for (const button of document.querySelectorAll("[data-shows]")) {
  const field = document.getElementById(button.dataset.shows);
  const status = button.parentElement.querySelector("[role=status]");
  const show = (shown) => {
    field.type = shown ? "text" : "password";
    button.textContent = shown ? button.dataset.hide : button.dataset.show;
  };
  button.dataset.show = button.textContent;
  button.parentElement.hidden = false;
  button.addEventListener("click", () => {
    show(field.type === "password");
    status.textContent = field.type === "password" ? button.dataset.hidden : button.dataset.shown;
  });
  field.form.addEventListener("submit", () => show(false)); // a browser remembers what was typed into a field of text
}
