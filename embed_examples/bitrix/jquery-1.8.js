// Stands in for jQuery 1.8: the global function with its collection, events and plugins, taken over from Prototype's `$`.
(function (window, undefined) {
  var Prototypes = window.$;
  var jQuery = function (selector) { return new jQuery.fn.init(selector) };
  jQuery.fn = jQuery.prototype = {
    jquery: "1.8.3", length: 0,
    init: function (selector) {
      if (typeof selector == "function") return jQuery(document).ready(selector);
      var found = typeof selector == "string" ? document.querySelectorAll(selector) : [selector];
      for (this.length = 0; this.length < found.length; this.length++) this[this.length] = found[this.length];
      return this;
    },
    each: function (work) { for (var i = 0; i < this.length; i++) work.call(this[i], i, this[i]); return this },
    on: function (name, work) { return this.each(function () { this.addEventListener(name, work, false) }) },
    ready: function (work) { document.readyState == "loading" ? document.addEventListener("DOMContentLoaded", work) : work(); return this },
    addClass: function (name) { return this.each(function () { this.classList.add(name) }) },
    removeClass: function (name) { return this.each(function () { this.classList.remove(name) }) },
    text: function (text) { return this.each(function () { this.textContent = text }) }
  };
  jQuery.fn.init.prototype = jQuery.fn;
  jQuery.browser = { webkit: true, version: "537.36" };
  jQuery.noConflict = function () { window.$ = Prototypes; return jQuery };
  window.jQuery = window.$ = jQuery;
})(window);
