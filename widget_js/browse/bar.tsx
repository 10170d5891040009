/**
 * The filters over the list: search and states at hand, the further ones a press away; on a phone all fold into one
 * line.
 */

import type { VNode } from "preact";
import { useRef, useState } from "preact/hooks";
import { Failed } from "../shared/ui/failure.tsx";
import { focusOn } from "../shared/focus.ts";
import { useLazy } from "../shared/lazy.ts";
import { preloadOn } from "../shared/preload.ts";
import { useSite } from "../shared/site.ts";
import { Chip } from "../shared/ui/statusChip.tsx";
import { query, toggled, type Filters } from "../shared/filters.ts";
import { Search } from "./search.tsx";

/** `closed` stands for four statuses that share a shape. */
const SHOWN = [
  ["new", "accepted"],
  ["working", "in_progress"],
  ["done", "resolved"],
  ["closed", "redirected"]
] as const;

interface Props {
  filters: Filters;
  narrow: boolean;
  /** List or map, where they do not stand side by side. */
  views: VNode | false;
  /** `typed`: no step of its own on the way back. */
  set: (filters: Filters, typed?: boolean) => void;
}

export function Bar({ filters, narrow, views, set }: Props) {
  const site = useSite();
  const {
    entries,
    host,
    language: { t }
  } = site;
  const [open, setOpen] = useState(false);
  // The square around the visitor, for as long as the widget stands: in the address it is a square like any other.
  const [here, setHere] = useState("");
  const { chunk, failed, load } = useLazy<typeof import("./filters/entry.ts")>(
    "filters",
    open || query(filters) !== ""
  );
  // The device's place may come after another filter was chosen.
  const latest = useRef(filters);
  latest.current = filters;
  const put = (more: Filters, typed?: boolean) => set({ ...latest.current, ...more }, typed);
  const chosen = Object.values(filters).filter(Boolean).length;
  const [resets, setResets] = useState(0);
  const reset = () => {
    set({});
    setResets(resets + 1);
    focusOn(host, "q");
  };
  /** Escape folds the filters; the dialog hears the next one. */
  const press = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !open || event.defaultPrevented) return;
    event.preventDefault();
    setOpen(false);
    focusOn(host, "fold");
  };
  const groups = (filters.status || "").split(",");
  const pill = (on: boolean, act: () => void, status: Parameters<typeof Chip>[0]["status"], label?: string) => (
    <button type="button" class={on ? "pill on" : "pill"} aria-pressed={on} onClick={act}>
      <Chip status={status} label={label} />
    </button>
  );
  return (
    <div role="search" class="bar" onKeyDown={press}>
      <div class="bar-line">
        <Search key={resets} value={filters.q || ""} change={q => put({ q }, true)} />
        {views}
        <button
          type="button"
          id="fold"
          class="button quiet"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
          {...preloadOn(site, "filters")}>
          {t("filters")}
          {chosen > 0 && ` (${chosen})`}
        </button>
      </div>
      {(open || !narrow) && (!entries || entries.answered) && (
        <div class="pills" role="group" aria-label={t("filters")}>
          {SHOWN.map(([group, status]) =>
            pill(
              groups.includes(group),
              () => put({ status: toggled(filters.status, group) }),
              status,
              group === "closed" ? t("closed") : ""
            )
          )}
          {!entries &&
            pill(
              !!filters.overdue,
              () => put({ overdue: filters.overdue ? "" : "true" }),
              "overdue",
              t("overdue_only")
            )}
        </div>
      )}
      {open &&
        (chunk ? (
          <chunk.Fields key={resets} filters={filters} here={here} setHere={setHere} put={put} />
        ) : (
          failed && <Failed text={t("part_failed")} retry={load} />
        ))}
      {chunk && <chunk.Chosen filters={filters} here={here} reset={reset} />}
    </div>
  );
}
