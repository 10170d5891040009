/** An entry in the list: picture, terms, how many take part, and the act one press away. */

import { isOwnClick } from "../shared/click.ts";
import { pageOf } from "../shared/page.ts";
import { preloadOn } from "../shared/preload.ts";
import { useSite, type EntryCardProps } from "../shared/site.ts";
import { Chips } from "../shared/ui/statusChip.tsx";
import { actOf, answersOf, daysOf, LINES, moneyOf, neededBy } from "./entries.ts";

/** Answers that stand on a card: those to the first questions. */
const SHOWN = 2;

/** A policy may forbid pictures: a card does without. */
const hide = ({ currentTarget }: Event) => ((currentTarget as HTMLElement).hidden = true);

export function EntryCard({ entry, most, open }: EntryCardProps) {
  const site = useSite();
  const { config, language } = site;
  const entries = site.entries!;
  const { t, count } = language;
  const { number, photos, supporters } = entry;
  const { action } = entries;
  const act = actOf(entry, entries, Date.now(), language);
  const people = entry.participants || 0;
  const needed = neededBy(entry, entries);
  const scale = needed || (action === "vote" ? most : 0);
  const known = config.categories.find(({ code }) => code === entry.category);
  const follow = (event: MouseEvent) => {
    if (!isOwnClick(event)) return;
    event.preventDefault();
    open(number);
  };
  const begin = () => {
    entries.acting.current = number;
    open(number);
  };
  // The link is heard as its name: its parts must not run together.
  const stop = <i class="away">, </i>;
  const line = (text: string) =>
    text && (
      <span>
        {text}
        {stop}
      </span>
    );
  const counted = action === "vote" || action === "join" ? count(`counted_${action}`, people) : "";
  return (
    <div class="entry">
      <a
        class="card"
        id={"problem-" + number}
        href={pageOf(site, number)}
        onClick={follow}
        {...preloadOn(site, "problem")}>
        {photos[0] && <img src={photos[0].thumb} alt="" loading="lazy" onError={hide} />}
        <span class="entry-text">
          <strong class="card-title" lang={config.language}>
            {entry.title}
          </strong>
          {stop}
          <span class="chips">
            <Chips problem={entry} />
          </span>
          {line(daysOf(entry, language))}
          {line(moneyOf(entry, language))}
          {answersOf(entry, config, language, needed ? [...LINES, "people"] : LINES)
            .slice(0, SHOWN)
            .map(([question, answer]) => (
              <span class="muted" key={question}>
                <span lang={entries.language}>{question}</span>: <span lang={config.language}>{answer}</span>
                {stop}
              </span>
            ))}
          <span class="muted">
            {known ? known.name : entry.category}
            {entry.address && (
              <>
                {" "}
                · <span lang={config.language}>{entry.address}</span>
              </>
            )}
          </span>
        </span>
      </a>
      {(counted || supporters > 0 || act) && (
        <div class="entry-foot">
          {scale > 0 && (
            <div class="votes" aria-hidden="true">
              <div style={`width:${Math.min(100, (100 * people) / scale)}%`} />
            </div>
          )}
          <span>
            <strong>{counted || (supporters > 0 && count("supporters", supporters))}</strong>
            {needed > 0 && <span class="muted"> {t("needed", { many: language.number(needed) })}</span>}
          </span>
          {act &&
            (act === "vote" && entries.given.includes(String(number)) ? (
              // Whether the letter's button was pressed this browser does not learn.
              <span class="hint">{t("vote_given")}</span>
            ) : (
              <button
                class={act === "contact" ? "button quiet" : "button"}
                type="button"
                onClick={begin}
                {...preloadOn(site, "discussion")}>
                {t(`act_${act}`)}
                <span class="away">: {entry.title}</span>
              </button>
            ))}
        </div>
      )}
    </div>
  );
}
