/** The chunk of the extended view: what only it needs. */

import type { Language, Texts } from "./i18n.ts";
import { T } from "./i18n.ts";
import { focusOn } from "./parts/hooks.ts";
import styles from "./list/list.css";
import { List } from "./list/list.tsx";
import { useSite } from "./parts/site.ts";
import { ProblemView } from "./problem/problem.tsx";

/** Written in by the build: the `list` part of the language's texts, at its places. */
declare const TEXTS: Partial<Texts>;

export const texts = TEXTS;
export const sheet = new CSSStyleSheet();
sheet.replaceSync(styles);

export type View = { name: "form" } | { name: "list" } | { name: "problem"; number: number };
type Go = (view: View) => void;

export function Tabs({ form, go, t }: { form: boolean; go: Go; t: Language["t"] }) {
  return <nav class="tabs">
    <button type="button" aria-current={form ? "page" : undefined} onClick={() => go({ name: "form" })}>{t(T.tab_report)}</button>
    <button type="button" aria-current={form ? undefined : "page"} onClick={() => go({ name: "list" })}>{t(T.tab_list)}</button>
  </nav>;
}

/** What stands beside the form: the list, and the problem that is open. */
export function Views({ view, go }: { view: View; go: Go }) {
  const { host, visible } = useSite();
  const on = view.name;
  const back = () => {
    go({ name: "list" });
    // The card that was left gets the focus back, which also scrolls to it.
    focusOn(host, "problem-" + (view as { number?: number }).number);
  };
  return <>
    <div hidden={on !== "list"}><List active={visible && on === "list"} open={number => go({ name: "problem", number })} /></div>
    {view.name === "problem" && <ProblemView number={view.number} active={visible} back={back} />}
  </>;
}
