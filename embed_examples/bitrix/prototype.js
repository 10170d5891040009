// Stands in for Prototype 1.6: what it does to the globals and the prototypes, and no more.
var Prototype = { Version: "1.6.1", emptyFunction: function () {}, K: function (x) { return x } };
function $A(iterable) {
  if (!iterable) return [];
  var length = iterable.length || 0, results = new Array(length);
  while (length--) results[length] = iterable[length];
  return results;
}
function $(element) { return typeof element == "string" ? document.getElementById(element) : element }
function $$(selector) { return $A(document.querySelectorAll(selector)) }
Object.extend = function (to, from) { for (var name in from) to[name] = from[name]; return to };
Array.from = $A; // a mapping function given as second argument is ignored, as it was
var Enumerable = {
  each: function (iterator) { for (var i = 0; i < this.length; i++) iterator(this[i], i); return this },
  collect: function (iterator) { var all = []; this.each(function (one, i) { all.push(iterator(one, i)) }); return all },
  inject: function (memo, iterator) { this.each(function (one, i) { memo = iterator(memo, one, i) }); return memo },
  pluck: function (name) { return this.collect(function (one) { return one[name] }) },
  include: function (wanted) { return this.indexOf(wanted) != -1 },
  first: function () { return this[0] }, last: function () { return this[this.length - 1] },
  clear: function () { this.length = 0; return this }, compact: function () { return this.filter(Prototype.K) },
  clone: function () { return [].concat(this) }, size: function () { return this.length },
  toJSON: function () { return "[" + this.collect(Object.toJSON).join(", ") + "]" }
};
Object.extend(Array.prototype, Enumerable);
Array.prototype.toArray = Array.prototype.clone;
Object.extend(String.prototype, {
  strip: function () { return this.replace(/^\s+|\s+$/g, "") }, empty: function () { return this == "" },
  escapeHTML: function () { return this.replace(/&/g, "&amp;").replace(/</g, "&lt;") },
  toJSON: function () { return '"' + this.replace(/["\\]/g, "\\$&") + '"' }
});
Number.prototype.toJSON = function () { return isFinite(this) ? this.toString() : "null" };
Date.prototype.toJSON = function () { return '"' + this.toISOString() + '"' };
Object.toJSON = function (value) {
  if (value === undefined || typeof value == "function") return;
  if (value === null) return "null";
  if (value.toJSON) return value.toJSON();
  var results = [];
  for (var name in value) if (Object.toJSON(value[name]) !== undefined) results.push(name.toJSON() + ": " + Object.toJSON(value[name]));
  return "{" + results.join(", ") + "}";
};
Object.extend(Function.prototype, {
  bind: function (self) { var method = this, bound = $A(arguments).slice(1); return function () { return method.apply(self, bound.concat($A(arguments))) } },
  defer: function () { return setTimeout(this, 10) },
  wrap: function (wrapper) { var method = this; return function () { return wrapper.apply(this, [method].concat($A(arguments))) } }
});
Object.extend(Element.prototype, {
  show: function () { this.style.display = ""; return this }, hide: function () { this.style.display = "none"; return this },
  visible: function () { return this.style.display != "none" },
  update: function (html) { this.innerHTML = html == null ? "" : html; return this },
  remove: function () { if (this.parentNode) this.parentNode.removeChild(this); return this },
  select: function (selector) { return $A(this.querySelectorAll(selector)) }, up: function () { return this.parentNode },
  observe: function (name, handler) { this.addEventListener(name, handler, false); return this },
  addClassName: function (name) { this.className += " " + name; return this },
  readAttribute: function (name) { return this.getAttribute(name) }, identify: function () { return this.id || (this.id = "anonymous_1") }
});
Event.observe = function (element, name, handler) { $(element).addEventListener(name, handler, false) };
