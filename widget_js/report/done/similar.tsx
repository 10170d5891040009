/**
 * «Уже сообщали рядом»: open problems near the place, to support instead of repeating them. It comes when there is
 * something, and never stands in the way.
 */

import { useState } from "preact/hooks";
import type { Near } from "../../shared/contract.ts";
import { pageOf } from "../../shared/page.ts";
import { useSite } from "../../shared/site.ts";
import { Words } from "../../shared/ui/words.tsx";
import { support } from "../../shared/voices.ts";
import { useAnswer } from "../hooks.ts";
import type { SectionProps } from "../section.ts";

export function Similar({ values: { category }, place }: SectionProps) {
  const site = useSite();
  const {
    config,
    language: { t, date }
  } = site;
  const { items } = useAnswer<{ items: Near[] }>(
    category && place && `/similar?lat=${place.lat}&lng=${place.lng}&category=${category}`
  ) || { items: [] };
  const [result, setResult] = useState<{ number?: number; text?: string }>({});

  const vote = async (number: number) => {
    setResult({ number, text: t("sending") });
    try {
      await support(site, number);
      setResult({ number, text: t("supported", { number }) });
      // The ticket was good for this voice; the report, if it is sent all the same, needs another.
      void site.tickets.prepare();
    } catch {
      setResult({ number, text: t("unavailable_server") });
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
                {description.split("\n")[0]}
              </a>
              <p class="hint">
                {[t("metres", { n: distance }), config.statuses[status], date(created_at)].join(" · ")}
              </p>
              <button class="button quiet" type="button" onClick={() => vote(number)}>
                {t("support")}
              </button>
              <p class="note" role="status">
                <Words>{result.number === number && result.text}</Words>
              </p>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
