/**
 * Where it is: an address in words, the device's own position, a pin on the map, a photo's place, typed coordinates.
 */

import { useLayoutEffect, useState } from "preact/hooks";
import type { Near } from "../shared/contract.ts";
import { link } from "../shared/links.ts";
import { TextField } from "../shared/ui/field.tsx";
import { focusOn } from "../shared/focus.ts";
import { useAnswer } from "./hooks.ts";
import { Icon } from "../shared/ui/icon.tsx";
import { useLazy } from "../shared/lazy.ts";
import { locatable } from "../shared/geolocation.ts";
import { useSite } from "../shared/site.ts";
import { bind, type SectionProps } from "./section.ts";
import { Words } from "../shared/ui/words.tsx";

type Point = { lat: number; lng: number };
/** Six digits are a tenth of a metre. */
const DIGITS = 6;

export function PlaceSection(props: SectionProps) {
  const { values, errors, set, place, area } = props;
  const {
    config,
    host,
    language: { lang, t, number }
  } = useSite();
  const map = useLazy<typeof import("../map/entry.ts")>("map");
  const [state, setState] = useState<{ busy?: boolean; text?: string; accuracy?: number | undefined }>({});
  const [typed, setTyped] = useState(false);
  const [mapped, setMapped] = useState(false);
  const text = values.coordinates;
  // «Уже сообщали рядом»: it comes when there is something, and never stands in the way.
  const { items } = useAnswer<{ items: Near[] }>(
    values.category && place && `/similar?lat=${place.lat}&lng=${place.lng}&category=${values.category}`
  ) || { items: [] };
  const similar = useLazy<typeof import("./similar/entry.ts")>("similar");
  useLayoutEffect(() => {
    if (items.length) void similar.load();
  }, [items.length]);
  const shown = mapped && !map.failed;
  const open = typed || text || errors.coordinates;

  const put = (to: Point | null, accuracy?: number) => {
    setState(accuracy ? { accuracy, text: t("located", { n: number(Math.ceil(accuracy)) }) } : {});
    set({ coordinates: to ? `${to.lat.toFixed(DIGITS)}, ${to.lng.toFixed(DIGITS)}` : "" });
  };
  const locate = () => {
    setState({ busy: true });
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => put({ lat: coords.latitude, lng: coords.longitude }, coords.accuracy || 1),
      error => setState({ text: t(error.code === 1 ? "locate_denied" : "locate_failed") }),
      { enableHighAccuracy: true, timeout: 15_000 }
    );
  };
  const offered = () => {
    put(values.photoPlace as Point);
    setState({ text: t("photo_placed") });
  };
  const show = () => {
    setMapped(true);
    void map.load();
  };

  return (
    <>
      <TextField {...bind(props, "address")} label={t("address_label")} hint={t("address_hint")} autoComplete="off" />
      <div class="actions">
        {locatable() && (
          <button class="button quiet" type="button" onClick={locate} aria-disabled={state.busy}>
            <Icon name="place" />
            {t(state.busy ? "locating" : "locate")}
          </button>
        )}
        {(config.map || place) && !shown && (
          <button class="button quiet" type="button" onClick={show} id="map">
            {t("map_show")}
          </button>
        )}
        {values.photoPlace && (
          <button class="button quiet" type="button" onClick={offered}>
            {t("photo_place")}
          </button>
        )}
        {!open && (
          <button
            class="link"
            type="button"
            onClick={() => {
              setTyped(true);
              focusOn(host, "coordinates");
            }}>
            {t("coordinates_show")}
          </button>
        )}
      </div>
      <p class={map.failed ? "error" : "note"} role="status">
        <Words>{map.failed ? t("map_failed") : state.text}</Words>
      </p>
      {shown &&
        (map.chunk ? (
          <map.chunk.Picker key={lang} place={place} found={state} put={put} close={() => setMapped(false)} />
        ) : (
          <div class="skeleton field" />
        ))}
      {area && area.detail && (
        <p class={"notice" + (area.receiver ? "" : " bad")} role="alert">
          <span>
            {area.detail} {area.other && <a href={link(area.other.url)}>{area.other.agency}</a>}
          </span>
        </p>
      )}
      {open && (
        <TextField
          {...bind(props, "coordinates")}
          label={t("coordinates_label")}
          hint={t("coordinates_hint")}
          autoComplete="off"
        />
      )}
      <p class="label" role="status">
        {items.length > 0 && similar.chunk && t("similar")}
      </p>
      {items.length > 0 && similar.chunk && <similar.chunk.Similar items={items} />}
    </>
  );
}
