/** Something is on its way, or did not come. */

import type { ComponentChildren } from "preact";
import { T } from "../i18n.ts";
import { Icon } from "./icon.tsx";
import { useSite } from "./site.ts";

export function Failed({ text, retry, children }: { text: string; retry?: (() => unknown) | false; children?: ComponentChildren }) {
  const { language: { t } } = useSite();
  return <p class="notice bad" role="alert"><Icon name="alert" />
    <span>{text} {retry && <button class="link" type="button" onClick={retry}>{t(T.retry)}</button>} {children}</span></p>;
}

/** As high as what comes is at least; its words are for those who do not see it. */
export const Skeleton = ({ text }: { text: string }) => <div class="skeleton" role="status"><span class="away">{text}</span></div>;
