/** The chunk of the extended widget: the city's problems, with which it opens. */

import { useEffect, useState } from "preact/hooks";
import type { Texts } from "./i18n.ts";
import { tell } from "./parts/failures.ts";
import { focusOn } from "./parts/hooks.ts";
import styles from "./list/list.css";
import { List } from "./list/list.tsx";
import { useSite } from "./parts/site.ts";
import { Opened } from "./problem/opened.tsx";

export { Report, Turn } from "./list/turn.tsx";
// The chunk of one problem takes these from here.
export { Chips, statusLabel } from "./list/chip.tsx";
export { refresh, useFollow } from "./list/follow.ts";

/** Written in by the build: the `list` part of the language's texts, at its places. */
declare const TEXTS: Partial<Texts>;

export const texts = TEXTS;
export const sheet = new CSSStyleSheet();
sheet.replaceSync(styles);

/** The list, and the problem that is open. `active`: it can be seen. */
export function City({ active }: { active: boolean }) {
  const { host } = useSite();
  const [number, open] = useState(0);
  // Reading asks for no challenge; the install check learns all the same that the widget was opened here.
  useEffect(() => tell(host, "seen"), []);
  const back = () => {
    open(0);
    // The card that was left gets the focus back, which also scrolls to it.
    focusOn(host, "problem-" + number);
  };
  return <>
    <div hidden={!!number}><List active={active && !number} open={open} /></div>
    {number > 0 && <Opened key={number} number={number} active={active} back={back} />}
  </>;
}
