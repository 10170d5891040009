/** «Уже сообщали рядом»: open problems near the place, to support instead of repeating them. It never stands in the way. */

import { useState } from "preact/hooks";
import type { Near } from "../contract.ts";
import { link } from "../host.ts";
import { T } from "../i18n.ts";
import { useAnswer } from "./watching.ts";
import { useSite } from "../parts/site.ts";
import { supporter } from "../parts/storage.ts";
import { coordinates, type Values } from "./values.ts";

export function Similar({ values: { category, coordinates: text } }: { values: Values }) {
  const { api, config, tickets, language: { t, date } } = useSite();
  const [said, setSaid] = useState<{ number?: number; text?: string }>({});
  const place = coordinates(text);
  const { items } = useAnswer<{ items: Near[] }>(category && place && `/similar?lat=${place.lat}&lng=${place.lng}&category=${category}`)
    || { items: [] };

  const support = async (number: number) => {
    setSaid({ number, text: t(T.sending) });
    try {
      await api.send(`/problems/${number}/support`, { ticket: await tickets.take(), supporter: supporter() });
      setSaid({ number, text: t(T.supported, { number }) });
      // It was good for this voice; the report, if it is sent all the same, needs another.
      tickets.drop();
      void tickets.prepare();
    } catch {
      setSaid({ number, text: t(T.unavailable_server) });
    }
  };
  return <>
    <p class="label" role="status">{items.length > 0 && t(T.similar)}</p>
    {items.length > 0 && <ul class="facts">{items.map(({ number, description, distance, status, created_at, photos }) => <li key={number}>
      {photos[0] && <img src={photos[0].small || photos[0].thumb} alt="" />}
      <a href={link(`${config.links.site}/problems/${number}`)} target="_blank" rel="noopener" lang={config.language}>{description.split("\n")[0]}</a>
      <p class="hint">{[t(T.metres, { n: distance }), config.statuses[status], date(created_at)].join(" · ")}</p>
      <button class="button quiet" type="button" onClick={() => support(number)}>{t(T.support)}</button>
      <p class="note" role="status">{said.number === number && said.text}</p>
    </li>)}</ul>}
  </>;
}
