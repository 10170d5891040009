/** What the agency says, set apart from all the rest, with the documents it rests on. */

import type { Detail } from "../shared/contract.ts";
import { link } from "../shared/links.ts";
import { useSite } from "../shared/site.ts";

/** Bytes of a megabyte, as people count them. */
const MEGABYTE = 1_000_000;

export function Answer({ answer }: { answer: NonNullable<Detail["answer"]> }) {
  const { agency, at, text, disputed, documents } = answer;
  const {
    config,
    language: { t, date, number }
  } = useSite();
  const size = (bytes: number) =>
    t("megabytes", { n: number(Math.max(0.1, Math.round((bytes / MEGABYTE) * 10) / 10)) });
  return (
    <section class="answer" aria-label={t("answer_title")}>
      <h4>{t("answer_title")}</h4>
      <p class="muted">
        {agency} · <time dateTime={at}>{date(at)}</time>
      </p>
      {disputed && (
        <p>
          <strong>{t("disputed")}</strong>
        </p>
      )}
      <p class="text" lang={config.language}>
        {text}
      </p>
      {documents && documents.length > 0 && (
        <>
          <p class="label">{t("documents")}</p>
          <ul>
            {documents.map(({ name, url, bytes }) => (
              <li key={url}>
                <a href={link(url)} target="_blank" rel="noopener" lang={config.language}>
                  {name}
                </a>{" "}
                <span class="hint">{size(bytes)}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}
