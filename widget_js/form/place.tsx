/** Where it is: an address in words, the device's own position, a pin on the map, a photo's place, typed coordinates. */

import { useState } from "preact/hooks";
import type { Answerable } from "../contract.ts";
import { link } from "../host.ts";
import { T } from "../i18n.ts";
import { TextField } from "../parts/field.tsx";
import { focusOn } from "../parts/hooks.ts";
import { useAnswer } from "./watching.ts";
import { Icon } from "../parts/icon.tsx";
import { useLater } from "../parts/later.ts";
import { locatable } from "../parts/locatable.ts";
import { useSite } from "../parts/site.ts";
import { bind, coordinates, type SectionProps } from "./values.ts";

type Point = { lat: number; lng: number };
/** Six digits are a tenth of a metre. */
const DIGITS = 6;

export function PlaceFields(props: SectionProps) {
  const { values, errors, set } = props;
  const { config, host, language: { t, number, locale } } = useSite();
  const map = useLater("map");
  const [state, setState] = useState<{ busy?: boolean; text?: string; accuracy?: number | undefined }>({});
  const [typed, setTyped] = useState(false);
  const [mapped, setMapped] = useState(false);
  const text = values.coordinates;
  const place = coordinates(text);
  const answer = useAnswer<Answerable>(place && `/place?lat=${place.lat}&lng=${place.lng}&lang=` + locale.slice(0, 2));
  const shown = mapped && !map.failed;
  const open = typed || !!text || !!errors.coordinates;

  const put = (to: Point | null, accuracy?: number) => {
    setState(accuracy ? { accuracy, text: t(T.located, { n: number(Math.ceil(accuracy)) }) } : {});
    set({ coordinates: to ? `${to.lat.toFixed(DIGITS)}, ${to.lng.toFixed(DIGITS)}` : "" });
  };
  const locate = () => {
    setState({ busy: true });
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => put({ lat: coords.latitude, lng: coords.longitude }, coords.accuracy || 1),
      error => setState({ text: t(error.code === 1 ? T.locate_denied : T.locate_failed) }),
      { enableHighAccuracy: true, timeout: 15_000 },
    );
  };
  const show = () => {
    setMapped(true);
    void map.load();
  };

  return <>
    <TextField {...bind(props, "address")} label={t(T.address_label)} hint={t(T.address_hint)} autoComplete="off" />
    <div class="actions">
      {locatable() && <button class="button quiet" type="button" onClick={locate} aria-disabled={state.busy}>
        <Icon name="place" />{t(state.busy ? T.locating : T.locate)}
      </button>}
      {(config.map || place) && !shown && <button class="button quiet" type="button" onClick={show} id="map">{t(T.map_show)}</button>}
      {values.photoPlace && <button class="button quiet" type="button" onClick={() => put(values.photoPlace as Point)}>{t(T.photo_place)}</button>}
      {!open && <button class="link" type="button" onClick={() => { setTyped(true); focusOn(host, "coordinates"); }}>{t(T.coordinates_show)}</button>}
    </div>
    <p class={map.failed ? "error" : "note"} role="status">{map.failed ? t(T.map_failed) : state.text}</p>
    {shown && (map.chunk ? <map.chunk.Picker place={place} found={state} put={put} close={() => setMapped(false)} />
      : <div class="skeleton field" />)}
    {answer && !answer.inside && <p class="notice bad" role="alert"><span>
      {answer.detail} {answer.other && <a href={link(answer.other.url)}>{answer.other.agency}</a>}
    </span></p>}
    {open && <TextField {...bind(props, "coordinates")} label={t(T.coordinates_label)} hint={t(T.coordinates_hint)} autoComplete="off" />}
  </>;
}
