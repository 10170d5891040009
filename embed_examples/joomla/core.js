// Stands in for Joomla's core.js: the global it leaves, filled from the page's JSON.
window.Joomla = window.Joomla || {};
(function (Joomla) {
  Joomla.optionsStorage = {};
  Joomla.loadOptions = function () {
    document.querySelectorAll(".joomla-script-options.new").forEach(function (element) {
      Object.assign(Joomla.optionsStorage, JSON.parse(element.textContent));
      element.className = element.className.replace(" new", " loaded");
    });
  };
  Joomla.getOptions = function (key, fallback) { return Joomla.optionsStorage[key] || fallback };
  Joomla.loadOptions();
})(window.Joomla);
