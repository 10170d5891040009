/** The text that is searched for: asks after a rest, at once on Enter. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { focusOn } from "../shared/focus.ts";
import { Icon } from "../shared/ui/icon.tsx";
import { useSite } from "../shared/site.ts";
import { LONGEST } from "../shared/filters.ts";

/** Milliseconds of rest before what is typed is searched for. */
const REST = 400;

export function Search({ value, change }: { value: string; change: (value: string) => void }) {
  const {
    host,
    session,
    language: { t }
  } = useSite();
  const [typed, setTyped] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const latest = useRef(change);
  latest.current = change;
  const type = (text: string, rest = REST) => {
    setTyped(text);
    clearTimeout(timer.current);
    const closed = session.closed();
    timer.current = setTimeout(() => closed.aborted || latest.current(text.trim()), rest);
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === "Enter") type(typed, 0);
    if (event.key !== "Escape" || !typed) return;
    // It clears the field; the next one is for what is around it.
    event.preventDefault();
    event.stopPropagation();
    type("", 0);
  };
  // What is typed and not yet searched for goes with the field: nothing is written into the address of a page it left.
  useLayoutEffect(() => () => clearTimeout(timer.current), []);
  // Back, forward and «Сбросить» change it from outside; what is being typed stays.
  useLayoutEffect(() => {
    if (value !== typed.trim()) setTyped(value);
  }, [value]);
  return (
    <div class="search">
      <label class="away" for="q">
        {t("search_label")}
      </label>
      <Icon path="M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zm5 12l5 5" />
      <input
        id="q"
        type="text"
        inputMode="search"
        enterKeyHint="search"
        autoComplete="off"
        maxLength={LONGEST}
        placeholder={t("search_label")}
        value={typed}
        onInput={event => type(event.currentTarget.value)}
        onKeyDown={press}
      />
      {typed && (
        <button
          type="button"
          class="round"
          aria-label={t("search_clear")}
          onClick={() => {
            type("", 0);
            focusOn(host, "q");
          }}>
          <Icon name="close" />
        </button>
      )}
    </div>
  );
}
