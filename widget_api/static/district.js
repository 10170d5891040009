// Draws a district on a map and writes its border into the field as GeoJSON, or the coordinates of one point. Without
// scripts both are typed there.
const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, TILE, MARGIN, MAX_ZOOM, CORNERS] = [480, 360, 128, 24, 19, 200];
const POINT_ZOOM = 16; // no closer at first: what is around a point is to be seen
const NEAR = 16; // pixels from the first corner, within which it is meant

/** Web Mercator on a square of side 1. */
const project = ([lng, lat]) => {
  const sine = Math.sin((Math.max(-85.05, Math.min(85.05, lat)) * Math.PI) / 180);
  return [lng / 360 + 0.5, 0.5 - Math.atanh(sine) / (2 * Math.PI)];
};
const unproject = ([x, y]) => [
  Math.round((x - 0.5) * 360e6) / 1e6,
  Math.round((Math.atan(Math.sinh((0.5 - y) * 2 * Math.PI)) * 180e6) / Math.PI) / 1e6,
];

/** The rings of a text with a polygon; none if it is something else. */
const parse = (text) => {
  try {
    let found = JSON.parse(text);
    if (found.type === "FeatureCollection") return found.features.flatMap((one) => parse(JSON.stringify(one.geometry)));
    if (found.type === "Feature") found = found.geometry;
    return found.type === "Polygon" ? found.coordinates : found.type === "MultiPolygon" ? found.coordinates.flat() : [];
  } catch {
    return [];
  }
};

/** The point of a text with latitude and longitude; none if it is something else. */
const parsePoint = (text) => {
  const [, lat, lng] = text.match(/^\s*(-?[\d.]+)\s*[;,]\s*(-?[\d.]+)\s*$/) ?? [];
  return Math.abs(lat) <= 90 && Math.abs(lng) <= 180 ? [[Number(lng), Number(lat)]] : [];
};

/** Whether a point is within rings, of which those inside others are holes. */
const covers = (rings, [x, y]) => rings.flatMap((ring) => ring.map((to, at) => [ring.at(at - 1), to]))
  .filter(([[x1, y1], [x2, y2]]) => y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1).length % 2 > 0;

const start = (box) => {
  const point = "point" in box.dataset;
  const field = document.getElementById(box.dataset.draws);
  const svg = box.querySelector("svg");
  const status = box.querySelector("[role=status]");
  const [house, verdict] = [box.querySelector("[type=hidden]"), box.querySelector("[data-inside]")]; // an address typed
  const { territory, districts, zoom: tiles, around = [] } = JSON.parse(box.dataset.shown);
  let [corners, closed, pasted] = [[], false, []];
  let [zoom, left, top] = [2, 0, 0]; // the place of the picture, in its own units
  const world = () => TILE * 2 ** zoom;
  const unit = () => WIDTH / svg.getBoundingClientRect().width; // of the picture, in a pixel

  const put = (name, attributes, text) => {
    const made = svg.appendChild(document.createElementNS(SVG, name));
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text) made.appendChild(document.createElementNS(SVG, "title")).textContent = text;
  };
  const place = (point) => {
    const [x, y] = project(point);
    return [x * world() - left, y * world() - top];
  };
  const line = (ring) => "M" + ring.map((point) => place(point).map((one) => one.toFixed(1)).join(" ")).join("L");
  const area = (ring) => `${line(ring)}Z`;

  const draw = () => {
    svg.replaceChildren();
    if (tiles !== null) {
      const last = 2 ** zoom - 1;
      for (let x = Math.max(0, Math.floor(left / TILE)); x <= Math.min(last, (left + WIDTH) / TILE); x += 1)
        for (let y = Math.max(0, Math.floor(top / TILE)); y <= Math.min(last, (top + HEIGHT) / TILE); y += 1)
          put("image", {
            href: `/tiles/${zoom}/${x}/${y}`, x: x * TILE - left, y: y * TILE - top, width: TILE + 1, height: TILE + 1,
          });
    }
    put("path", { class: "territory", d: territory.map(line).join("") });
    for (const one of districts) put("path", { class: "other", d: one.rings.map(area).join("") }, one.name);
    if (pasted.length) put("path", { class: "drawn closed", d: pasted.map(area).join("") });
    if (closed) put("path", { class: "drawn closed", d: area(corners) });
    else if (corners.length) put("path", { class: "drawn", d: line(corners) });
    corners.forEach((corner, index) => {
      const [cx, cy] = place(corner);
      put("circle", { class: "corner", cx, cy, r: (index || closed ? 5 : 8) * unit() });
    });
    if (house) {
      const [spot] = parsePoint(house.value);
      const rings = closed ? [corners] : pasted;
      verdict.textContent = spot && rings.length ? verdict.dataset[covers(rings, spot) ? "inside" : "outside"] : "";
      if (spot) {
        const [cx, cy] = place(spot);
        put("circle", { class: "spot", cx, cy, r: 12 * unit() });
      }
    }
    status.textContent = box.dataset[closed || pasted.length ? "closed" : corners.length ? "open" : "empty"];
    if (!point) box.querySelector("[data-do=undo]").disabled = !corners.length;
    box.querySelector("[data-do=clear]").disabled = !corners.length && !pasted.length;
  };

  const fit = (rings) => {
    const points = rings.flat().map(project);
    if (!points.length) return;
    const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
    const [west, east, north, south] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const room = Math.min((WIDTH - 2 * MARGIN) / (east - west), (HEIGHT - 2 * MARGIN) / (south - north)) / TILE;
    zoom = Math.max(0, Math.min(tiles ?? MAX_ZOOM, points.length > 1 && !point ? MAX_ZOOM : POINT_ZOOM, Math.floor(Math.log2(room))));
    left = ((west + east) / 2) * world() - WIDTH / 2;
    top = ((north + south) / 2) * world() - HEIGHT / 2;
  };
  const scale = (step) => {
    const [x, y] = [(left + WIDTH / 2) / world(), (top + HEIGHT / 2) / world()];
    zoom = Math.max(0, Math.min(tiles ?? MAX_ZOOM, zoom + step));
    [left, top] = [x * world() - WIDTH / 2, y * world() - HEIGHT / 2];
  };
  const write = () => {
    const ring = [...corners, corners[0]];
    if (point) field.value = corners.map(([lng, lat]) => `${lat.toFixed(5)}; ${lng.toFixed(5)}`).join();
    else field.value = corners.length > 2 ? JSON.stringify({ type: "Polygon", coordinates: [ring] }) : "";
    field.dispatchEvent(new Event("input", { bubbles: true })); // an unsent form is kept
  };
  const read = () => {
    if (point) return [(corners = parsePoint(field.value))].filter((one) => one.length);
    const rings = parse(field.value);
    const simple = rings.length === 1 && rings[0].length > 3 && rings[0].length <= CORNERS;
    [corners, closed, pasted] = simple ? [rings[0].slice(0, -1), true, []] : [[], false, rings];
    return rings;
  };

  const add = (x, y) => {
    if (closed || pasted.length) return;
    if (point) corners = [];
    const [firstX, firstY] = corners.length ? place(corners[0]) : [0, 0];
    if (corners.length > 2 && Math.hypot(firstX - x, firstY - y) < NEAR * unit()) closed = true;
    else corners.push(unproject([(left + x) / world(), (top + y) / world()]));
    write();
    draw();
  };
  const actions = {
    undo: () => { closed ? (closed = false) : corners.pop(); write(); },
    clear: () => { [corners, closed, pasted] = [[], false, []]; write(); },
    in: () => scale(1),
    out: () => scale(-1),
  };
  for (const button of box.querySelectorAll("[data-do]"))
    button.addEventListener("click", () => { actions[button.dataset.do](); draw(); });

  // Where the map has no picture its ground is enough: browsers would put the sign of a broken image on each square.
  svg.addEventListener("error", (event) => event.target.remove(), true);

  let held = null; // where the pointer went down, and whether it has moved since
  svg.addEventListener("pointerdown", (event) => {
    held = { x: event.clientX, y: event.clientY, left, top, moved: false };
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointermove", (event) => {
    if (!held) return;
    const [x, y] = [event.clientX - held.x, event.clientY - held.y];
    held.moved ||= Math.hypot(x, y) > 5;
    if (!held.moved) return;
    [left, top] = [held.left - x * unit(), held.top - y * unit()];
    draw();
  });
  svg.addEventListener("pointercancel", () => { held = null; });
  svg.addEventListener("pointerup", (event) => {
    const clicked = held && !held.moved;
    held = null;
    const edge = svg.getBoundingClientRect();
    if (clicked) add((event.clientX - edge.left) * unit(), (event.clientY - edge.top) * unit());
  });
  field.addEventListener("change", () => { fit(read()); draw(); });
  if (house) {
    house.addEventListener("change", () => { fit([parsePoint(house.value)]); draw(); });
    // The form saves the border, which is not what one wants of an address.
    box.querySelector("[data-addresses]").addEventListener("keydown", (event) => {
      if (event.key === "Enter") event.preventDefault();
    });
  }

  box.hidden = false;
  const rings = read();
  fit(rings.length ? rings : territory.length ? territory : [...districts.flatMap((one) => one.rings), ...around]);
  draw();
};

for (const box of document.querySelectorAll("[data-draws]")) start(box);
