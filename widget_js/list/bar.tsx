/** The filters over the list: search and states at hand, the further ones a press away; on a phone all fold into one line. */

import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { T } from "../i18n.ts";
import { Failed } from "./failed.tsx";
import { focusOn } from "../parts/hooks.ts";
import { useLater, warm } from "../parts/later.ts";
import { useSite } from "../parts/site.ts";
import { Chip } from "./chip.tsx";
import { query, toggled, type Filters } from "./filters.ts";
import { Search } from "./search.tsx";

/** `closed` stands for four statuses that share a shape. */
const SHOWN = [["new", "accepted"], ["working", "in_progress"], ["done", "resolved"], ["closed", "redirected"]] as const;

interface Props {
  filters: Filters;
  narrow: boolean;
  /** List or map, where they do not stand side by side. */
  views: VNode | false;
  /** `typed`: no step of its own on the way back. */
  set: (filters: Filters, typed?: boolean) => void;
}

export function Bar({ filters, narrow, views, set }: Props) {
  const { host, language: { t, locale } } = useSite();
  const [open, setOpen] = useState(false);
  // The square around the visitor, for as long as the widget stands: in the address it is a square like any other.
  const [here, setHere] = useState("");
  const { chunk, failed, load } = useLater("filters");
  const put = (more: Filters, typed?: boolean) => set({ ...filters, ...more }, typed);
  const chosen = Object.values(filters).filter(Boolean).length;
  const wanted = open || query(filters) !== "";
  useEffect(() => { if (wanted && !chunk) void load(); }, [wanted]);
  const [resets, setResets] = useState(0);
  const reset = () => {
    set({});
    setResets(resets + 1);
    focusOn(host, "q");
  };
  const groups = (filters.status || "").split(",");
  const pill = (on: boolean, act: () => void, status: Parameters<typeof Chip>[0]["status"], label?: string) =>
    <button type="button" class={on ? "pill on" : "pill"} aria-pressed={on} onClick={act}><Chip status={status} label={label} /></button>;
  return <div role="search" class="bar">
    <div class="bar-line">
      <Search value={filters.q || ""} change={q => put({ q }, true)} />
      {views}
      <button type="button" class="button quiet" aria-expanded={open} onClick={() => setOpen(!open)} {...warm("filters", locale)}>{t(T.filters)}{chosen > 0 && ` (${chosen})`}</button>
    </div>
    {(open || !narrow) && <div class="pills" role="group" aria-label={t(T.filters)}>
      {SHOWN.map(([group, status]) => pill(groups.includes(group), () => put({ status: toggled(filters.status, group) }), status, group === "closed" ? t(T.closed) : ""))}
      {pill(!!filters.overdue, () => put({ overdue: filters.overdue ? "" : "true" }), "overdue", t(T.overdue_only))}
    </div>}
    {open && (chunk ? <chunk.Fields key={resets} filters={filters} here={here} setHere={setHere} put={put} /> : failed && <Failed text={t(T.part_failed)} retry={load} />)}
    {chunk && <chunk.Chosen filters={filters} here={here} reset={reset} />}
  </div>;
}
