// Stands for the counter's own code, which begins with the same queue and then loads its script from Yandex. This page does
// not load it: no example asks anything of third parties.
window.ym = window.ym || function () { (window.ym.a = window.ym.a || []).push(arguments); };
ym(12345678, "init", { webvisor: false });
