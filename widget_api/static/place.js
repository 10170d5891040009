// «My place»: fills in the coordinates, which are private until the form is sent. Without scripts they can be typed.
for (const button of document.querySelectorAll("[data-locate]")) {
  const field = document.getElementById(button.dataset.locate);
  const status = button.parentElement.querySelector("[role=status]");
  if (!navigator.geolocation || !window.isSecureContext) continue;
  button.parentElement.hidden = false;
  button.addEventListener("click", () => {
    status.textContent = button.dataset.busy;
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        field.value = `${coords.latitude.toFixed(6)}, ${coords.longitude.toFixed(6)}`;
        status.textContent = button.dataset.done;
        field.dispatchEvent(new Event("change", { bubbles: true })); // address.js names the place
      },
      () => { status.textContent = button.dataset.failed; },
      { enableHighAccuracy: true, timeout: 15000 },
    );
  });
}
