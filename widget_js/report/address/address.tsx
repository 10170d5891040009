/**
 * What the service's addresses do for the field of the form: suggestions while one is typed, and the nearest house of a
 * pin that was put. It comes below the field, which stays as it is, and works without, where the site has none.
 */

import { useLayoutEffect, useState } from "preact/hooks";
import type { Address as Found, Addresses } from "../../shared/contract.ts";
import { useSite } from "../../shared/site.ts";
import { focusOn } from "../../shared/focus.ts";
import { useAnswer } from "../hooks.ts";
import { Outside } from "../outside.tsx";
import type { SectionProps } from "../section.ts";
import type { ReportSession } from "../session.ts";
import { isHouse, isLeft, isNameable, nameAfter } from "./house.ts";
import { search, Suggestions } from "./suggestions.tsx";

/** Characters from which on an address is looked for, and up to which the service does. */
const LEAST = 3,
  MOST = 200;
/** Metres; a device that knows its place less exactly names no house. */
const EXACT = 100;

/** The number of the house with which a text ends: what follows a house, such as an entrance, would be lost. */
const endOf = (text: string): string | undefined => /\d\S*$/.exec(text.toLowerCase())?.[0];

/** It can be looked for. */
const isFindable = ({ length }: string): boolean => length >= LEAST && length <= MOST;

/** Takes a house as the place: its address and its point. */
function take(report: ReportSession, { text: address, ...point }: Found): void {
  report.put(point, { state: "house" });
  const { coordinates } = report.draft.values;
  report.set({ address, house: { address, coordinates, filled: "coordinates" } });
}

/**
 * The house that a text means which was typed and not chosen, as far as the service knows: without it the text goes
 * public as it is, with its slips and without a point. An offer, which keeps nobody.
 */
export function Meant({ values, report }: SectionProps) {
  const {
    host,
    language: { t }
  } = useSite();
  const text = values.address.trim();
  const isOpen = report.draft.written.includes("address") && !values.coordinates && isFindable(text);
  const found = useAnswer<Addresses>(isOpen && search(text));
  const best = found && found.items[0];
  return (
    <p class="note" role="status">
      {best && isHouse(best) && endOf(text) === endOf(best.text) && text !== best.text && (
        <>
          {t("address_meant")}{" "}
          <button
            class="link"
            type="button"
            onClick={() => {
              take(report, best);
              focusOn(host, "address", "title");
            }}>
            {best.text}
          </button>
        </>
      )}
    </p>
  );
}

export function Address(props: SectionProps) {
  const { values, report, place } = props;
  const {
    host,
    language: { t, count }
  } = useSite();
  const [field, setField] = useState<HTMLInputElement | null>(null);
  const [isTyping, setTyping] = useState(false);
  const [found, setFound] = useState(0);
  const text = values.address.trim();

  useLayoutEffect(() => {
    const input = host.shadowRoot!.getElementById("address") as HTMLInputElement;
    const type = () => setTyping(true),
      leave = () => setTyping(false);
    const press = ({ key }: KeyboardEvent) => key === "ArrowDown" && input.getAttribute("role") && type();
    setField(input);
    // Typed while this was on its way.
    if (input.value && input.matches(":focus")) type();
    input.addEventListener("input", type);
    input.addEventListener("keydown", press);
    input.addEventListener("blur", leave);
    return () => {
      input.removeEventListener("input", type);
      input.removeEventListener("keydown", press);
      input.removeEventListener("blur", leave);
    };
  }, []);
  useLayoutEffect(() => {
    if (isLeft(values)) report.put(null);
  }, [values.address]);

  const choose = (address: Found) => {
    setTyping(false);
    // A number is still to come.
    if (!isHouse(address)) return report.set({ address: address.text + " " });
    take(report, address);
  };

  const { position, draft } = report;
  /** The page's own pin is not ours to name: the form would count as begun. */
  const isNamed = draft.written.includes("coordinates") && (position.accuracy || 0) <= EXACT && isNameable(values);
  const near = useAnswer<Addresses>(isNamed && place && `/addresses?lat=${place.lat}&lng=${place.lng}`);
  useLayoutEffect(() => {
    const change = near && nameAfter(values, near.items[0]);
    if (change) report.set(change);
  }, [near]);
  const { house } = values;
  const isOurs = house && house.filled === "address" && house.address && house.address === values.address;

  return (
    <>
      <div class="suggestions">
        {field && isTyping && isFindable(text) && (
          <Suggestions text={text} field={field} choose={choose} close={() => setTyping(false)} tell={setFound} />
        )}
        <p class="away" role="status">
          {found ? count("address_found", found) : isOurs && t("address_named", { address: values.address })}
        </p>
      </div>
      {!isTyping && <Meant {...props} />}
      <Outside {...props} />
    </>
  );
}
