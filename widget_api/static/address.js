// Suggests the site's addresses while one is typed, and names a point by the nearest house: a combobox as in the ARIA
// Authoring Practices. Without scripts the service completes the place when the form is sent (addresses/typed.py).
const WAIT = 200; // milliseconds without a key
const SHORTEST = 2; // characters that are looked up

const start = (field, index) => {
  const { addresses: source, point: pointId, list: label, found, chosen, named } = field.dataset;
  const point = document.getElementById(pointId);
  const list = document.createElement("ul");
  const status = document.createElement("p");
  let items = [];
  let active = -1;
  let timer = 0;
  let asked = 0; // questions so far: answers to earlier ones come too late
  let mark = field.dataset.mark ?? ""; // the coordinates that a suggestion has set or the page has brought
  let name = ""; // the address that was written for a point

  const ask = async (query) => {
    const mine = (asked += 1);
    try {
      const answer = await fetch(`${source}?${new URLSearchParams(query)}`);
      const { items: given = [] } = answer.ok ? await answer.json() : {};
      return mine === asked ? given : null;
    } catch {
      return mine === asked ? [] : null; // the form goes without suggestions
    }
  };
  const forget = () => {
    clearTimeout(timer);
    asked += 1;
  };
  const later = (work) => {
    forget();
    timer = setTimeout(work, WAIT);
  };
  const set = (input, value) => {
    input.value = value;
    // The map shows the point, and an unsent form is kept.
    for (const type of ["input", "change"]) input.dispatchEvent(new CustomEvent(type, { bubbles: true, detail: list }));
  };

  const activate = (to) => {
    active = to;
    [...list.children].forEach((option, at) => {
      option.setAttribute("aria-selected", String(at === active));
      if (at === active) option.scrollIntoView({ block: "nearest" });
    });
    if (active < 0) field.removeAttribute("aria-activedescendant");
    else field.setAttribute("aria-activedescendant", list.children[active].id);
  };
  const show = (given) => {
    items = given;
    list.replaceChildren(...items.map(({ text }, at) => {
      const option = document.createElement("li");
      option.id = `${list.id}-${at}`;
      option.setAttribute("role", "option");
      option.textContent = text;
      option.addEventListener("click", () => choose(items[at]));
      return option;
    }));
    list.hidden = !items.length;
    field.setAttribute("aria-expanded", String(!list.hidden));
    activate(-1);
  };
  const close = () => show([]);
  const suggest = async () => {
    const text = field.value.trim();
    const given = text.length < SHORTEST ? [] : await ask({ q: text });
    if (!given || document.activeElement !== field) return;
    show(given);
    status.textContent = given.length ? found.replace("{count}", given.length) : "";
  };
  const choose = ({ text, lat, lng }) => {
    const isHouse = text.includes(", ");
    forget();
    close();
    set(field, isHouse ? text : `${text}, `); // of a street the house is still to be typed
    field.focus();
    if (!isHouse) return;
    mark = `${lat.toFixed(6)}, ${lng.toFixed(6)}`;
    set(point, mark);
    status.textContent = chosen;
  };

  list.id = `addresses-${index}`;
  list.className = "suggestions";
  list.hidden = true;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", label);
  status.className = "unseen";
  status.setAttribute("role", "status");
  field.parentElement.classList.add("suggested");
  field.after(list, status);
  for (const [attribute, value] of Object.entries({
    role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id,
  })) field.setAttribute(attribute, value);

  field.addEventListener("input", ({ detail }) => {
    if (detail === list) return;
    if (mark && point.value === mark) set(point, ""); // it was that of another address
    mark = "";
    later(suggest);
  });
  field.addEventListener("keydown", (event) => {
    if (!items.length || event.isComposing) return;
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps) {
      // One place between the last and the first belongs to the field itself.
      const places = items.length + 1;
      activate(((active + 1 + steps[event.key] + places) % places) - 1);
    } else if (event.key === "Escape") close();
    else if (event.key === "Enter" && active >= 0) choose(items[active]);
    else return;
    event.preventDefault();
  });
  field.addEventListener("blur", close);
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus

  const tell = ({ detail }) => {
    if (detail === list || (field.value.trim() && field.value !== name)) return;
    later(async () => {
      const [lat, lng] = (point.value.match(/-?\d+[.,]\d+/g) ?? []).map((one) => one.replace(",", "."));
      const [nearest] = (lng && (await ask({ lat, lng }))) || [];
      if (!nearest || (field.value.trim() && field.value !== name)) return;
      name = nearest.text;
      set(field, name);
      status.textContent = named.replace("{address}", name);
    });
  };
  point.addEventListener("input", tell);
  point.addEventListener("change", tell);
};

document.querySelectorAll("[data-addresses]").forEach(start);
