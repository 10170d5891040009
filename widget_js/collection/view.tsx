/** One collection: its entries, shown as the city's problems are, and the form for another one. */

import type { ComponentType, VNode } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Collection, Collections as Listed, Configuration, Problems } from "../shared/contract.ts";
import type { Filters } from "../shared/filters.ts";
import { focusOn } from "../shared/focus.ts";
import { link } from "../shared/links.ts";
import { useResource } from "../shared/resource.ts";
import { SiteContext, useSite, type Site } from "../shared/site.ts";
import type { Store } from "../shared/store.ts";
import { Failed } from "../shared/ui/failure.tsx";
import { Skeleton } from "../shared/ui/skeleton.tsx";
import { Icon } from "../shared/ui/icon.tsx";
import { View } from "../shared/ui/view.tsx";
import { remember, voices } from "../shared/voices.ts";
import { Act } from "./act.tsx";
import { ofCollection } from "./api.ts";
import { EntryCard } from "./card.tsx";
import { answersOf, ballot, counted, isCovered, period } from "./entries.ts";
import { ofEntries } from "./language.ts";

/** What is shown, of which collection, in the page's address too. */
export interface CollectionAddress extends Store {
  shown: { collection?: string | undefined };
  first: string | undefined;
  show(shown: { filters: Filters; collection?: string }, step: boolean): void;
}

/** What the list of problems hands over: this chunk imports the core alone. */
export interface CollectionProps {
  active: boolean;
  /** The list with its filters and its map; `head` stands over it. */
  City: ComponentType<{ active: boolean; head?: VNode }>;
  /** The way to the form. */
  ReportLink: ComponentType;
  address: CollectionAddress;
  slug: string;
  /** What was asked for beside the chunk, of the collection `slug`. */
  first: { collections: Promise<Listed>; config: Promise<Configuration>; page: Promise<Problems> | false };
}

export function CollectionView({
  collection,
  active,
  City,
  ReportLink,
  first,
  slug,
  reporting,
  report
}: CollectionProps & { collection: Collection; reporting: boolean; report: (on: boolean) => void }) {
  const site = useSite();
  const { host, options, session, setStepBack } = site;
  const language = useMemo(() => ofEntries(site.language, collection.preset), [site.language]);
  const { t, lang } = language;
  const isRequested = slug === collection.slug;
  const api = useMemo(() => ofCollection(site.api, collection, isRequested && first.page), []);
  const {
    data: config,
    error,
    retry
  } = useResource<Configuration>(`/collections/${collection.slug}?lang=${lang}`, {
    requested: isRequested && first.config
  });
  // From an open entry back to the list.
  const [{ back }, setBack] = useState<{ back?: (() => void) | undefined }>({});
  const toggleForm = () => {
    report(!reporting);
    focusOn(host, "title");
  };
  useLayoutEffect(() => setStepBack("browse", reporting ? toggleForm : back), [reporting, back]);
  useLayoutEffect(() => () => setStepBack("browse"), []);
  useLayoutEffect(() => session.setTitle(reporting ? t("title") : collection.title), [reporting, collection.title, t]);
  const own = { options: { ...options, key: `${options.key}/c/${collection.slug}`, category: "" } };
  const acting = useRef(0);
  const [given, setGiven] = useState(() => voices(own).filter(Boolean));
  const give = (entry: number) => {
    if (!given.includes(String(entry))) remember(own, entry);
    setGiven(voices(own).filter(Boolean));
  };
  const { taking, text } = period(collection, Date.now(), language);
  const head = (
    <div class="collection">
      {/* With an entry open the one thing to do next is to act on it. */}
      {!back && (
        <>
          <p class="about" lang={collection.language}>
            <Icon path={collection.icon} />
            {collection.description}
          </p>
          {collection.voting && <p class="ballot">{ballot(collection.voting, given.length, language).text}</p>}
          {isCovered(collection.fields) && (
            <p>
              <a href={link(collection.url) + "#coverage"}>{t("coverage")}</a>
            </p>
          )}
          {taking && <ReportLink />}
          {text && <p class="muted">{text}</p>}
        </>
      )}
    </div>
  );
  if (!config) return error ? <Failed text={t("list_failed")} retry={retry} /> : <Skeleton text={t("loading_list")} />;
  const entriesSite: Site = {
    ...site,
    api,
    config,
    language,
    turn: toggleForm,
    ...own,
    entries: {
      ...collection,
      answers: entry => [...counted(entry, collection, language), ...answersOf(entry, config, language)],
      Act,
      Card: EntryCard,
      acting,
      given,
      give
    },
    // A step back in the form is its own button's.
    setStepBack: (view, act) => view === "browse" && setBack({ back: act })
  };
  return (
    <SiteContext.Provider value={entriesSite}>
      <div hidden={reporting}>
        <City active={active && !reporting} head={head} />
      </div>
      <View name="report" shown={reporting} />
    </SiteContext.Provider>
  );
}
