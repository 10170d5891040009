/** A calm word about personal data in a text that everybody will read. It stops nobody. */

import type { ComponentChildren } from "preact";
import type { Language } from "../i18n.ts";
import type { Finding } from "../personalData.ts";
import { useSite } from "../site.ts";
import { Icon } from "./icon.tsx";
import { Words } from "./words.tsx";

/** «телефон и номер машины» */
export const nameKinds = (found: Finding[], { t, lang }: Pick<Language, "t" | "lang">): string =>
  new Intl.ListFormat(lang).format(new Set(found.map(({ kind }) => t(`private_${kind}`))));

/** `done`: what was done, told before what is left; `children` stand below. */
export function PrivacyNotice({
  found,
  done,
  children
}: {
  found: Finding[];
  done?: string | undefined;
  children?: ComponentChildren;
}) {
  const { language } = useSite();
  const left = found.length > 0 && language.t("private_found", { what: nameKinds(found, language) });
  const text = [done, left].filter(Boolean).join(" ");
  return (
    <div class={text && "notice"}>
      {text && <Icon name="info" />}
      <div>
        <div role="status">
          <Words>{text}</Words>
        </div>
        {children}
      </div>
    </div>
  );
}
