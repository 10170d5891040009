/** Something did not come: says so, and how to try again. */

import type { ComponentChildren } from "preact";
import { focusOn } from "../focus.ts";
import { Icon } from "./icon.tsx";
import { useSite } from "../site.ts";
import { Words } from "./words.tsx";

/** The button goes with its message: the focus steps back to the heading of what comes in its place. */
export function Failed({
  text,
  retry,
  children
}: {
  text: string;
  retry?: (() => unknown) | false;
  children?: ComponentChildren;
}) {
  const {
    host,
    language: { t }
  } = useSite();
  return (
    <p class="notice bad" role="alert">
      <Icon name="alert" />
      <span>
        <Words>{text}</Words>{" "}
        {retry && (
          <button
            class="link"
            type="button"
            onClick={() => {
              focusOn(host, "opened", "title");
              retry();
            }}>
            {t("retry")}
          </button>
        )}{" "}
        {children}
      </span>
    </p>
  );
}
