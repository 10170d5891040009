/**
 * The list below the field, which it makes a combobox: ARIA Authoring Practices, «Editable Combobox With List
 * Autocomplete». The focus stays in the field.
 */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Address, Addresses } from "../../shared/contract.ts";
import { useResource } from "../../shared/resource.ts";
import { useSite } from "../../shared/site.ts";

/** Milliseconds of rest before what is typed is looked for. */
const REST = 200;
/** Pixels: three of the list's rows, and what stays free below it. */
const LEAST_ROOM = 132,
  GAP = 8;

/** The path of the addresses that a text can mean. */
export const search = (text: string): string => "/addresses?q=" + encodeURIComponent(text);

export function Suggestions({
  text,
  field,
  choose,
  close,
  tell
}: {
  text: string;
  field: HTMLInputElement;
  choose: (address: Address) => void;
  close: () => void;
  /** Is told how many there are. */
  tell: (count: number) => void;
}) {
  const { t } = useSite().language;
  const { data } = useResource<Addresses>(search(text), { rest: REST });
  const items = data ? data.items : [];
  const isShown = items.length > 0;
  const [active, setActive] = useState(-1);
  const list = useRef<HTMLUListElement>(null);

  useLayoutEffect(() => {
    setActive(-1);
    tell(items.length);
  }, [data]);
  useLayoutEffect(() => () => tell(0), []);
  useLayoutEffect(() => {
    if (!isShown) return;
    const wanted = { role: "combobox", "aria-autocomplete": "list", "aria-controls": "addresses" };
    for (const [name, value] of Object.entries(wanted)) field.setAttribute(name, value);
    field.setAttribute("aria-expanded", "true");
    if (roomBelow(list.current!) < LEAST_ROOM) field.scrollIntoView({ block: "start" });
    const fit = () => {
      list.current!.style.maxHeight = Math.max(roomBelow(list.current!), LEAST_ROOM) + "px";
    };
    fit();
    visualViewport?.addEventListener("resize", fit);
    return () => {
      visualViewport?.removeEventListener("resize", fit);
      field.setAttribute("aria-expanded", "false");
    };
  }, [isShown]);
  useLayoutEffect(() => {
    if (active < 0) field.removeAttribute("aria-activedescendant");
    else {
      field.setAttribute("aria-activedescendant", "address-" + active);
      list.current!.children[active]!.scrollIntoView({ block: "nearest" });
    }
    return () => field.removeAttribute("aria-activedescendant");
  }, [active]);
  useLayoutEffect(() => {
    if (!isShown) return;
    const press = (event: KeyboardEvent) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const { altKey, ctrlKey, metaKey, shiftKey } = event;
      if (event.isComposing || altKey || ctrlKey || metaKey || shiftKey) return;
      if (step) setActive(active < 0 && step < 0 ? items.length - 1 : (active + step + items.length) % items.length);
      else if (event.key === "Enter" && items[active]) choose(items[active]);
      else if (event.key === "Escape") close();
      else return;
      // The form is not sent, and the dialog does not hear of it.
      event.preventDefault();
      event.stopPropagation();
    };
    field.addEventListener("keydown", press);
    return () => field.removeEventListener("keydown", press);
  });

  return isShown ? (
    // A press must not take the focus away, which would close the list.
    <ul
      id="addresses"
      role="listbox"
      aria-label={t("address_list")}
      ref={list}
      onMouseDown={event => event.preventDefault()}>
      {items.map((item, index) => (
        <li
          key={item.text}
          id={"address-" + index}
          role="option"
          aria-selected={index === active}
          onClick={() => choose(item)}>
          {item.text}
        </li>
      ))}
    </ul>
  ) : null;
}

/** Pixels from the list's top to what hides it: the keyboard of a phone, or the buttons that stay in sight. */
function roomBelow(list: HTMLElement): number {
  const bar = list.closest("form")!.querySelector(".end")!;
  const seen = visualViewport ? visualViewport.offsetTop + visualViewport.height : innerHeight;
  const end = getComputedStyle(bar).position === "sticky" ? bar.getBoundingClientRect().top : seen;
  return Math.min(seen, end) - list.getBoundingClientRect().top - GAP;
}
