// What the host's switch does to its own page, and the one line that tells the widget.
document.querySelectorAll("[data-scheme]").forEach(function (button) {
  button.addEventListener("click", function () {
    document.documentElement.dataset.scheme = button.dataset.scheme;
    document.querySelectorAll("igrajdanin-widget").forEach(function (widget) { widget.setAttribute("theme", button.dataset.scheme || "auto") });
  });
});
