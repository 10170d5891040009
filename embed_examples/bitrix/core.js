// Stands in for Bitrix's core: the global it leaves and its way of overwriting what it finds.
(function (window) {
  var BX = function (id) { return typeof id == "string" ? document.getElementById(id) : id };
  BX.message = { LANGUAGE_ID: "ru", SITE_ID: "s1", USER_ID: "", bitrix_sessid: "0123456789abcdef0123456789abcdef" };
  BX.ready = function (work) { document.readyState == "loading" ? document.addEventListener("DOMContentLoaded", work) : work() };
  BX.bind = function (element, name, work) { element.addEventListener(name, work, false) };
  BX.ajax = function () {};
  BX.util = { in_array: function (one, all) { return all.indexOf(one) != -1 }, array_values: function (all) { return all.slice() } };
  window.BX = BX;
  window.phpVars = { LANGUAGE_ID: "ru" };
  // Old counters and composers wrap what everybody uses.
  var parse = JSON.parse;
  JSON.parse = function (text, reviver) { return parse.call(JSON, text, reviver) };
  var timeout = window.setTimeout;
  window.setTimeout = function (work, after) { return timeout(work, after) };
})(window);
