/** Where it is: an address in words, the device's own position, a photo's place, a pin on the map, coordinates. */

import type { ComponentType } from "preact";
import { useState } from "preact/hooks";
import { TextField } from "../shared/ui/field.tsx";
import { Icon } from "../shared/ui/icon.tsx";
import { useLazy, type Lazy } from "../shared/lazy.ts";
import { locatable } from "../shared/geolocation.ts";
import { useSite } from "../shared/site.ts";
import { bind, type SectionProps } from "./section.ts";
import type { Position } from "./session.ts";
import { coordinates, type Point } from "./values.ts";
import { Words } from "../shared/ui/words.tsx";

/** What the form needs of the chunk of the map. */
interface PickerProps {
  place: Point | null;
  /** What else than a press told the place, and how exactly, in metres. */
  found: Position;
  /** Reads a place that is typed. */
  parse: (text: string) => Point | null;
  /** Puts the pin there, or takes it away. */
  put: (place: Point | null) => void;
  close: () => void;
}

/** What the form takes of the map's chunk. */
export interface PickerChunk {
  Picker: ComponentType<PickerProps>;
  /** The place without a way to change it; `address`: in words, for those who do not see the map. */
  PlaceMap: ComponentType<{ place: Point; address: string | null }>;
}

export function PlaceSection(props: SectionProps) {
  const { values, report, place } = props;
  const {
    language: { lang, t, number }
  } = useSite();
  const map = useLazy<PickerChunk>("map");
  const { position } = report;
  const [mapped, setMapped] = useState(false);
  const { chunk: later } = props.laterChunk as Lazy<typeof import("./later.ts")>;
  const shown = mapped && !map.failed;

  const isAsked = position.state === "asked";
  const status = {
    found: t("located", { n: number(Math.ceil(position.accuracy || 0)) }),
    denied: t("locate_denied"),
    failed: t("locate_failed"),
    photo: t("photo_placed")
  };
  const show = () => {
    setMapped(true);
    void map.load();
  };

  return (
    <>
      <TextField {...bind(props, "address")} label={t("address_label")} hint={t("address_hint")} autoComplete="off" />
      {later && <later.Address {...props} />}
      <div class="actions">
        {locatable() && (
          <button
            class="button quiet"
            type="button"
            onClick={() => report.locate()}
            aria-disabled={isAsked || undefined}>
            <Icon name="place" />
            {t(isAsked ? "locating" : "locate")}
          </button>
        )}
        {!shown && (
          <button class="button quiet" type="button" onClick={show} id="map">
            {t("map_show")}
          </button>
        )}
        {/* Its text comes with the code that has read the photo. */}
        {values.photoPlace && props.photosChunk.chunk && (
          <button
            class="button quiet"
            type="button"
            onClick={() => report.put(values.photoPlace as Point, { state: "photo" })}>
            {t("photo_place")}
          </button>
        )}
      </div>
      <p class={map.failed ? "error" : "note"} role="status">
        <Words>
          {map.failed
            ? t("map_failed")
            : status[position.state as keyof typeof status] || (place && !shown && t("placed"))}
        </Words>
      </p>
      {shown &&
        (map.chunk ? (
          <map.chunk.Picker
            key={lang}
            place={place}
            found={position}
            parse={coordinates}
            put={to => report.put(to)}
            close={() => setMapped(false)}
          />
        ) : (
          <div class="skeleton field" />
        ))}
      {later && <later.Area {...props} />}
      {later && <later.Similar {...props} />}
    </>
  );
}
