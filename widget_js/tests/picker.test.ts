/** The map of the form, with Leaflet itself, in sequences of presses, keys, typed places and late positions. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { h, render } from "preact";
import { useState } from "preact/hooks";
import ru from "../locales/ru.json";
import { attend } from "../shared/focus.ts";
import { language, type Texts } from "../shared/i18n.ts";
import { SiteContext } from "../shared/site.ts";
import { FakeElement, Watch } from "./fakeDocument.ts";
import { page } from "./fakePage.ts";
import * as fake from "./fakeWidget.ts";
import { generator, SEED } from "./seed.ts";

const { Picker } = await import("../map/picker.tsx");
const { getPosition, Map } = await import("../map/leaflet.ts");

const SEQUENCES = 40;
const LENGTH = 25;
/** From here on a press can be meant exactly; houses can be told apart. */
const NEAR = 16,
  CLOSE = 17;
const [WIDTH, HEIGHT] = [400, 300];
const t = { ...ru.widget, ...ru.later };
interface Place {
  lat: number;
  lng: number;
}
interface State {
  place: Place | null;
  found: { state?: string; accuracy?: number };
  isClosed?: boolean;
}
const MAP = { center: [55, 38], zoom: 13, bbox: [37.9, 54.9, 38.1, 55.1], tiles: null, max_zoom: null };
const TYPED: [string, Place | null][] = [
  ["55.05, 38.05", { lat: 55.05, lng: 38.05 }],
  ["54.98, 37.99", { lat: 54.98, lng: 37.99 }],
  ["55.", null],
  ["", null]
];
const parse = (text: string): Place | null => {
  const [, lat, lng] = /^(\d+(?:\.\d+)?), (\d+(?:\.\d+)?)$/.exec(text) || [];
  return lat ? { lat: +lat, lng: +lng! } : null;
};

/** The map that was made last. */
let map: InstanceType<typeof Map>;
const take = (made: typeof map) => void (map = made);
(Map as unknown as { addInitHook(hook: () => void): void }).addInitHook(function (this: typeof map) {
  take(this);
});
Object.assign(globalThis, { matchMedia: () => ({ matches: true }) });

const near = (one: { x: number; y: number }, other: { x: number; y: number }, by = 1.5) =>
  Math.abs(one.x - other.x) <= by && Math.abs(one.y - other.y) <= by;
const spoken = ({ lat, lng }: Place) => [lat, lng].map(one => one.toFixed(4).replace(".", ",")).join("; ");

test(`the pin stands where it was put last, and is told so (SEED=${SEED})`, async () => {
  for (let sequence = 0; sequence < SEQUENCES; sequence++) {
    const pick = generator(SEED + sequence);
    fake.beginWidgets();
    const leave = attend();
    const host = new FakeElement("igrajdanin-widget");
    page.document.body.append(host);
    const root = host.attachShadow();
    const parent = new FakeElement("div");
    root.append(parent);
    const site = {
      ...{ host, options: { inline: true }, config: { language: "ru", map: MAP } },
      language: language("ru", t as unknown as Texts, "Europe/Moscow")
    };
    let state: State = { place: null, found: {} };
    let setState: (to: State) => void;
    let puts = 0;
    const put = (place: Place | null) => {
      puts++;
      setState((state = { place: place && { lat: place.lat, lng: place.lng }, found: {} }));
    };
    const close = () => setState((state = { ...state, isClosed: true }));
    function Holder() {
      const [now, set] = useState(state);
      setState = set;
      return now.isClosed ? h("button", { id: "map" }) : h(Picker, { ...now, parse, put, close });
    }
    host.act("click");
    render(h(SiteContext.Provider, { value: site as never, children: h(Holder, {}) }), parent as never);
    await fake.calm();
    const ground = root.querySelector(".ground")!;
    const find = (text: string) => root.querySelectorAll("button").find(one => one.textContent === text);
    assert.equal(root.activeElement, ground);
    ground.box = { top: 0, left: 0, bottom: HEIGHT, width: WIDTH, height: HEIGHT };
    Watch.resize();
    await fake.calm();

    let message = "",
      story = `SEED=${SEED + sequence}`,
      isTyping = false,
      field = "";
    for (let step = 0; step < LENGTH && !state.isClosed; step++) {
      const acts = [
        "press",
        "press",
        "press",
        "enter",
        "arrow",
        "zoom",
        "remove",
        "type",
        "found",
        "outside",
        "pin key"
      ];
      const act = [...acts, "pin press", "pin enter", "far", "hide", "other key"][pick(16)]!;
      const { place } = state;
      const [before, zoom, center] = [puts, map.getZoom(), map.getCenter()];
      const bounds = map.getBounds();
      const pin = root.querySelector(".pin");
      story += `, ${act}`;
      let expected: State = state;
      /** Aimed at, it is put, or seen from closer by first. */
      let aimed: { lat: number; lng: number } | undefined;
      let x = WIDTH / 2,
        y = HEIGHT / 2,
        told: string | undefined;
      if (act === "press") {
        [x, y] = [pick(WIDTH), pick(HEIGHT)];
        aimed = map.containerPointToLatLng([x, y]);
        ground.act("click", { clientX: x, clientY: y, detail: 1 });
      } else if (act === "enter") {
        aimed = center;
        assert.ok(ground.act("keydown", { key: ["Enter", " "][pick(2)] }).defaultPrevented, story);
      } else if (act === "arrow") {
        const [key, ...by] = [["ArrowLeft", -80, 0] as const, ["ArrowDown", 0, 80] as const][pick(2)]!;
        const to = map.unproject(map.project(center).add(by as [number, number]));
        const isOurs = !!pick(3);
        const event = ground.act("keydown", { key, ctrlKey: !isOurs });
        assert.equal(event.defaultPrevented, isOurs, story);
        await fake.calm();
        const isInside =
          map.options.maxBounds && (map.options.maxBounds as never as { contains(at: Place): boolean }).contains(to);
        if (isInside) assert.ok(near(map.latLngToContainerPoint(isOurs ? to : center), { x, y }), story);
        if (isOurs) told = t.map_center.replace("{place}", spoken(map.getCenter())).replace("{n}", `${zoom}`);
      } else if (act === "zoom") {
        const by = pick(2) ? 1 : -1;
        const to = Math.max(map.getMinZoom(), Math.min(19, zoom + by));
        if (pick(2)) {
          ground.act("keydown", { key: by > 0 ? "+" : "-" });
          told = t.map_center.replace("{place}", spoken(map.getCenter())).replace("{n}", `${to}`);
        } else root.querySelectorAll(".zoom button")[by > 0 ? 0 : 1]!.press();
        await fake.calm();
        assert.equal(map.getZoom(), to, story);
      } else if (act === "other key") {
        assert.equal(ground.act("keydown", { key: "Tab" }).defaultPrevented, false, story);
      } else if (act === "remove" && place) {
        find(t.map_remove)!.press();
        expected = { place: null, found: {} };
        told = t.map_removed;
        await fake.calm();
        assert.equal(root.activeElement, ground, story);
      } else if (act === "type") {
        if (!isTyping) {
          find(t.coordinates_show)!.press();
          await fake.calm();
          await fake.pass(1);
          assert.equal(root.activeElement!.id, "coordinates", story);
          isTyping = true;
        }
        const [text, to] = TYPED[pick(TYPED.length)]!;
        root.getElementById("coordinates")!.enter(text);
        field = text;
        expected = { place: to, found: {} };
      } else if (act === "found" || act === "outside") {
        const at = act === "found" ? { lat: 55 + pick(50) / 1000, lng: 38 + pick(50) / 1000 } : null;
        state = { place: at, found: at ? { state: "found", accuracy: 20 + pick(200) } : { state: "outside" } };
        expected = state;
        setState!(state);
      } else if (act === "pin key" && pin) {
        const times = pick(2) ? 3 : 1;
        const to = map.layerPointToLatLng(getPosition(pin as never).add([8 * times, 0]));
        const event = pin.act("keydown", { key: "ArrowRight", shiftKey: times > 1 });
        assert.ok(event.defaultPrevented, story);
        expected = { place: to, found: {} };
        await fake.calm();
        const at = map.latLngToContainerPoint(to);
        assert.ok(at.x > 50 && at.x < WIDTH - 50, "it stays in sight: " + story);
      } else if (act === "pin press" && pin) {
        // A pointer's presses are its own; a key's looks at it.
        pin.act("click", { detail: 1, clientX: 9, clientY: 9 });
        await fake.calm();
        assert.ok(near(map.latLngToContainerPoint(center), { x, y }), story);
        pin.act("click", { detail: 0 });
        await fake.calm();
        assert.ok(near(map.latLngToContainerPoint(place!), { x, y }, 3), story);
      } else if (act === "pin enter" && pin) {
        pin.act("keydown", { key: "Enter" });
      } else if (act === "far") {
        map.setView([55.02, 38.02], 14, { animate: false });
      } else if (act === "hide" && !pick(3)) {
        find(t.map_hide)!.press();
        expected = { ...state, isClosed: true };
      } else continue;
      await fake.calm();
      if (aimed) {
        if (zoom >= NEAR) expected = { place: aimed, found: {} };
        else {
          assert.equal(map.getZoom(), NEAR, story);
          told = t.map_closely;
          // Half a pixel from afar is more of them up close.
          const by = 2 ** (NEAR - zoom - 1) + 2;
          if (act === "enter") assert.ok(near(map.latLngToContainerPoint(aimed), { x, y }, by), story);
        }
      }
      // What a place becomes on its way is a matter of roundings.
      const at = state.place;
      const wanted: Place | null = expected.place;
      assert.equal(!!at, !!wanted, story);
      if (at && wanted)
        assert.ok(near(map.project([at.lat, at.lng], 19), map.project([wanted.lat, wanted.lng], 19), 20), story);
      const hasChanged = JSON.stringify(at) !== JSON.stringify(place);
      if (aimed && zoom < NEAR) assert.equal(puts, before, "seen from afar nothing is put: " + story);
      if (at && hasChanged) told = t.map_put.replace("{place}", spoken(at));
      if (!at && place) told = t.map_removed;
      if (at && hasChanged && state.found.state) assert.ok(near(map.latLngToContainerPoint(at), { x, y }, 3), story);
      if (at && hasChanged && !["pin key", "press", "enter"].includes(act)) {
        assert.ok(map.getBounds().contains([at.lat, at.lng]), "what was named otherwise is seen: " + story);
        if (!bounds.contains([at.lat, at.lng]) && !state.found.accuracy)
          assert.equal(map.getZoom(), Math.max(zoom, CLOSE), story);
      }
      if (act === "outside" && place) assert.equal(map.getZoom(), MAP.zoom, story);
      if (told !== undefined) {
        // It is told after a rest: keys repeat.
        const text = () => root.querySelector(".picker > [role=status], .picker [role=status]")!.textContent;
        if (told !== message) assert.equal(text(), message, "too early: " + story);
        await fake.pass(410);
        assert.equal(text(), told, story);
        message = told;
      }
      await fake.pass(410);
      if (state.isClosed) {
        assert.equal(root.activeElement!.id, "map", story);
        break;
      }
      const pins = root.querySelectorAll(".pin");
      assert.equal(pins.length, +!!at, story);
      if (at)
        assert.ok(near(getPosition(pins[0] as never), map.latLngToLayerPoint([at.lat, at.lng])), "the pin: " + story);
      const spots = root.querySelectorAll(".spot");
      assert.equal(spots.length, +!!state.found.accuracy, "the spot: " + story);
      if (spots[0]) {
        const metres = (40_075_016.686 * Math.cos((at!.lat * Math.PI) / 180)) / (256 * 2 ** map.getZoom());
        for (const side of ["width", "height"])
          assert.ok(
            Math.abs(parseFloat(spots[0].style[side]!) * metres - 2 * state.found.accuracy!) < 3 * metres,
            story
          );
      }
      assert.equal(!!find(t.map_remove), !!at, story);
      if (isTyping) {
        const { value } = root.getElementById("coordinates") as unknown as { value: string };
        const isField = JSON.stringify(parse(field)) === JSON.stringify(at);
        assert.equal(value, isField ? field : at ? `${at.lat}, ${at.lng}` : "", story);
        const isWrong = !!root.getElementById("coordinates-error");
        assert.equal(isWrong, !!value.trim() && !at, story);
      }
    }
    render(null, parent as never);
    leave();
    assert.equal(Watch.all.size, 0, story);
    const { size } = fake.clock.timers;
    assert.equal(size, 0, "nothing is told any more: " + story);
  }
});
