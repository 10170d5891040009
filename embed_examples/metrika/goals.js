// A goal for the opening, for each step that was reached, and for a report that was sent. Names of goals alone: neither the
// report's number nor anything a resident typed leaves the page.
(function (counter) {
  var reached = {};
  function reach(goal) {
    if (!reached[goal] && window.ym) ym(counter, "reachGoal", goal);
    reached[goal] = true;
  }
  document.addEventListener("igrajdanin:open", function () { reach("igrajdanin_open"); });
  document.addEventListener("igrajdanin:step", function (event) { reach("igrajdanin_step_" + event.detail.step); });
  document.addEventListener("igrajdanin:submitted", function () { reach("igrajdanin_submitted"); });
})(12345678);
