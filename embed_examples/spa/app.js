// A router of twenty lines. The widget is a new element with every visit; the draft in it is kept by the widget itself.
var view = document.getElementById("view");
var large = document.getElementById("large");

function element(name, text, attributes) {
  var made = document.createElement(name);
  if (text) made.textContent = text;
  for (var key in attributes) made.setAttribute(key, attributes[key]);
  return made;
}

var views = {
  home: function () { return [element("h1", "Портал жителя"), element("p", "Расписание, объявления и приём сообщений.")] },
  about: function () { return [element("h1", "О портале"), element("p", "Портал ведёт администрация города Зареченска.")] },
  report: function () {
    var key = document.body.dataset.siteKey;
    var widget = element("igrajdanin-widget", "", { "site-key": key, type: "extended", theme: large.checked ? "contrast" : "auto" });
    widget.append(element("a", "Сообщить о проблеме", { href: document.body.dataset.service + "/s/" + key + "/report" }));
    return [element("h1", "Проблемы города"), element("p", "Всё, о чём сообщили жители, и ответы на это."), widget];
  }
};

function show() {
  var name = location.hash.slice(1) || "home";
  view.replaceChildren.apply(view, (views[name] || views.home)());
  document.title = view.firstChild.textContent + " — Зареченск";
  document.querySelectorAll("nav a").forEach(function (link) {
    if (link.hash === "#" + name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  });
}

window.addEventListener("hashchange", show);
large.addEventListener("change", function () {
  document.querySelectorAll("igrajdanin-widget").forEach(function (widget) {
    widget.setAttribute("theme", large.checked ? "contrast" : "auto");
  });
});
show();
