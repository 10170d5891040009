/** Coordinates as text, for those who have them from elsewhere. */

import { useState } from "preact/hooks";
import { useSite } from "../shared/site.ts";
import { TextField } from "../shared/ui/field.tsx";
import type { Point } from "./measure.ts";

/** `parse` reads a place; `put` hears what is typed, null while that is none. */
export function Typed({
  place,
  parse,
  put
}: {
  place: Point | null;
  parse: (text: string) => Point | null;
  put: (place: Point | null) => void;
}) {
  const { t } = useSite().language;
  const [text, setText] = useState("");
  const typed = parse(text);
  const isTyped = place && typed && typed.lat === place.lat && typed.lng === place.lng;
  // Otherwise the pin was moved, or taken away, by other means.
  const value = isTyped || !(place || typed) ? text : place ? `${place.lat}, ${place.lng}` : "";
  return (
    <TextField
      id="coordinates"
      label={t("coordinates_label")}
      hint={t("coordinates_hint")}
      error={value.trim() && !parse(value) ? t("error_coordinates") : undefined}
      autoComplete="off"
      value={value}
      onChange={now => {
        setText(now);
        put(parse(now));
      }}
    />
  );
}
