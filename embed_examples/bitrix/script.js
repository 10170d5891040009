// The template's own behaviour; `for … in` over an array, as it stands in many a template, meets whatever was added to it.
BX.ready(function () {
  $(".answer").on("click", function (event) { event.preventDefault(); $(".answer").removeClass("active"); $(this).addClass("active") });
  $("#bx_visitors span").text("214");
  var names = [], list = ["Дороги", "Дворы"];
  for (var name in list) names.push(name);
  window.sectionNames = names;
  var clicked;
  BX.bind(document, "click", function (event) { clicked = event.target.tagName });
});
