/**
 * «Рядом уже сообщали»: open problems near the place, to support instead of repeating them. It comes when there is
 * something, and never stands in the way.
 */

import { useState } from "preact/hooks";
import type { ApiError } from "../../shared/api.ts";
import type { Near } from "../../shared/contract.ts";
import { focusOn } from "../../shared/focus.ts";
import { pageOf } from "../../shared/page.ts";
import { useSite } from "../../shared/site.ts";
import { Words } from "../../shared/ui/words.tsx";
import { support, voices } from "../../shared/voices.ts";
import { useAnswer } from "../hooks.ts";
import type { SectionProps } from "../section.ts";

export function Similar({ values: { category }, place, report }: SectionProps) {
  const site = useSite();
  const {
    config,
    host,
    language: { t, date, number: figure }
  } = site;
  const { items } = useAnswer<{ items: Near[] }>(
    category && place && `/similar?lat=${place.lat}&lng=${place.lng}&category=${category}`
  ) || { items: [] };
  const [result, setResult] = useState<{ number?: number; busy?: boolean; error?: string }>({});

  const join = async (number: number) => {
    if (result.busy) return;
    setResult({ number, busy: true });
    try {
      await support(site, number);
      setResult({});
      report.joined = items.find(one => one.number === number);
      report.moveFocus();
      focusOn(host, "joined");
      // The ticket was good for this voice; to follow, or to send the report all the same, needs another.
      void site.tickets.prepare();
    } catch (error) {
      setResult({ number, error: (error as ApiError).body.detail || t("unavailable_server") });
    }
  };
  return (
    <>
      <p class="label" role="status">
        {items.length > 0 && t("similar")}
      </p>
      {items.length > 0 && (
        <ul class="facts">
          {items.map(({ number, description, distance, status, created_at, photos }) => (
            <li class="beside" key={number}>
              {photos[0] && <img src={photos[0].small || photos[0].thumb} alt="" />}
              <a href={pageOf(site, number)} target="_blank" rel="noopener" lang={config.language}>
                <span class="excerpt" id={"similar-" + number}>
                  {description}
                </span>
              </a>
              <p class="hint">
                {[
                  distance ? t("metres", { n: distance }) : t("same_place"),
                  config.statuses[status],
                  date(created_at)
                ].join(" · ")}
              </p>
              {voices(site).includes(String(number)) ? (
                <p class="hint">{t("supported", { number: figure(number) })}</p>
              ) : (
                <button
                  class="button quiet"
                  type="button"
                  aria-disabled={result.busy || undefined}
                  // Which one: the buttons of all have the same name.
                  aria-describedby={"similar-" + number}
                  onClick={() => join(number)}>
                  <Words>{t(result.busy && result.number === number ? "sending" : "same")}</Words>
                </button>
              )}
              <p class="note" role="alert">
                <Words>{result.number === number && result.error}</Words>
              </p>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
