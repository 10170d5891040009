// Stands in for Tilda's scripts: globals with a prefix, classes added to the records once the page is there.
window.t_onReady = function (work) { document.readyState == "loading" ? document.addEventListener("DOMContentLoaded", work) : work() };
window.t_animate = function () { document.querySelectorAll(".r").forEach(function (record) { record.classList.add("t-animated") }) };
window.tildaForm = { versionLib: "02.001" };
t_onReady(t_animate);
