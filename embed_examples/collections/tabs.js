// Show the section of the address alone. The links stay links: reload, «back» and a copied address work by themselves.
(() => {
  const links = [...document.querySelectorAll(".tabs a")];
  const panels = links.map(link => document.querySelector(link.hash));

  function show() {
    const chosen = Math.max(0, links.findIndex(link => link.hash === location.hash));
    panels.forEach((panel, place) => {
      panel.hidden = place !== chosen;
      if (place === chosen) links[place].setAttribute("aria-current", "page");
      else links[place].removeAttribute("aria-current");
    });
  }

  addEventListener("hashchange", show);
  show();
})();
