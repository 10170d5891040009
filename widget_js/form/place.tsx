/** Where it is: an address in words, the device's own position, or typed coordinates; the map will stand here too. */

import { useState } from "preact/hooks";
import { T } from "../i18n.ts";
import { TextField } from "../parts/field.tsx";
import { Icon } from "../parts/icon.tsx";
import { useSite } from "../parts/site.ts";
import type { Values } from "./values.ts";

/** Six digits are a tenth of a metre. */
const DIGITS = 6;

export function PlaceFields({ values, errors, set }: {
  values: Values; errors: Record<string, string>; set: (change: Partial<Values>) => void;
}) {
  const { language: { t, number } } = useSite();
  const [state, setState] = useState<{ busy?: boolean; text?: string }>({});
  const [typed, setTyped] = useState(false);
  const open = typed || !!values.coordinates || !!errors.coordinates;

  const locate = () => {
    setState({ busy: true });
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        set({ coordinates: `${coords.latitude.toFixed(DIGITS)}, ${coords.longitude.toFixed(DIGITS)}` });
        setState({ text: t(T.located, { n: number(Math.ceil(coords.accuracy) || 1) }) });
      },
      error => setState({ text: t(error.code === 1 ? T.locate_denied : T.locate_failed) }),
      { enableHighAccuracy: true, timeout: 15_000, maximumAge: 60_000 },
    );
  };

  return <>
    <TextField id="address" label={t(T.address_label)} hint={t(T.address_hint)} error={errors.address}
      value={values.address} autoComplete="off" onChange={address => set({ address })} />
    <div class="actions">
      {/* Plain http hosts have no geolocation: the button would only fail. */}
      {isSecureContext && "geolocation" in navigator &&
        <button class="button quiet" type="button" onClick={locate} disabled={!!state.busy}>
          <Icon name="place" />{t(state.busy ? T.locating : T.locate)}
        </button>}
      {!open && <button class="link" type="button" onClick={() => setTyped(true)}>{t(T.coordinates_show)}</button>}
    </div>
    <p class="note" role="status">{state.text}</p>
    {open && <TextField id="coordinates" label={t(T.coordinates_label)} hint={t(T.coordinates_hint)} error={errors.coordinates}
      value={values.coordinates} autoComplete="off" onChange={coordinates => set({ coordinates })} />}
  </>;
}
