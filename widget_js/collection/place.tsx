/** One collection: its entries, shown as the city's problems are, and the form for another one. */

import { useLayoutEffect, useMemo, useState } from "preact/hooks";
import type { Collection, Configuration } from "../shared/contract.ts";
import { focusOn } from "../shared/focus.ts";
import { link } from "../shared/links.ts";
import { SiteContext, useSite, type Inners, type Site } from "../shared/site.ts";
import { Failed } from "../shared/ui/failure.tsx";
import { Skeleton } from "../shared/ui/skeleton.tsx";
import { View } from "../shared/ui/view.tsx";
import { Act } from "./act.tsx";
import { ofCollection } from "./api.ts";
import { useAsked } from "./asked.ts";
import { answersOf, counted, isCovered, period } from "./entries.ts";
import { ofEntries } from "./language.ts";

export type Parts = import("../browse/collected.tsx").Parts;

export function Place({
  collection,
  active,
  City,
  Turn,
  address,
  first,
  slug,
  reporting,
  report
}: Parts & { collection: Collection; reporting: boolean; report: (on: boolean) => void }) {
  const site = useSite();
  const { host, options, setInner } = site;
  const language = useMemo(() => ofEntries(site.language), [site.language]);
  const { t, lang } = language;
  const early = slug === collection.slug;
  const api = useMemo(() => ofCollection(site.api, collection, early && first.page), []);
  const {
    answer: config,
    failed,
    retry
  } = useAsked(early ? first.config : undefined, () => api.get<Configuration>("?lang=" + lang), lang);
  // From an open entry back to the list.
  const [{ back }, setBack] = useState<{ back?: (() => void) | undefined }>({});
  const turn = () => {
    report(!reporting);
    focusOn(host, "title");
  };
  useLayoutEffect(() => setInner("browse", reporting ? turn : back), [reporting, back]);
  useLayoutEffect(() => () => setInner("browse"), []);
  useLayoutEffect(() => setInner("title", reporting ? t("title") : collection.title), [reporting, collection.title, t]);
  const { taking, text } = period(collection, Date.now(), language);
  const head = (
    <div class="collection">
      {/* With an entry open the one thing to do next is to act on it. */}
      {!back && (
        <>
          <p lang={config ? config.language : undefined}>{collection.description}</p>
          {isCovered(collection.fields) && (
            <p>
              <a href={link(collection.url) + "#coverage"}>{t("coverage")}</a>
            </p>
          )}
          {taking && <Turn />}
          {text && <p class="muted">{text}</p>}
        </>
      )}
    </div>
  );
  if (!config) return failed ? <Failed text={t("list_failed")} retry={retry} /> : <Skeleton text={t("loading_list")} />;
  const own: Site = {
    ...site,
    api,
    config,
    language,
    turn,
    options: { ...options, key: `${options.key}/c/${collection.slug}`, category: "" },
    entries: {
      ...collection,
      answers: entry => [...counted(entry, collection, language), ...answersOf(entry, config, language)],
      Act
    },
    // A step back in the form is its own button's.
    setInner: (name, inner) => name === "browse" && setBack({ back: inner as Inners["browse"] })
  };
  return (
    <SiteContext.Provider value={own}>
      <div hidden={reporting}>
        <City active={active && !reporting} head={head} own={address} />
      </div>
      <View name="report" shown={reporting} />
    </SiteContext.Provider>
  );
}
