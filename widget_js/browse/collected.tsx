/** Collections of the site in place of the city: their chunk, and what they show first, travel side by side. */

import type { ComponentType, VNode } from "preact";
import { useMemo } from "preact/hooks";
import type { Collections, Configuration, Problems } from "../shared/contract.ts";
import { Failed } from "../shared/ui/failure.tsx";
import { useLazy } from "../shared/lazy.ts";
import { Skeleton } from "../shared/ui/skeleton.tsx";
import { useSite } from "../shared/site.ts";
import { query } from "../shared/filters.ts";
import { useOwnAddress, type Address } from "./address.ts";

export interface CityProps {
  active: boolean;
  /** Stands over a collection, in place of the way to the form. */
  head?: VNode;
}
/** What collections take of this chunk: theirs imports the core alone. */
export interface Parts {
  active: boolean;
  City: ComponentType<CityProps>;
  ReportLink: ComponentType;
  address: Address;
  slug: string;
  first: First;
}
/** What the list takes of the chunk of collections. */
export interface CollectionChunk {
  Collections: ComponentType<Parts>;
}
/** What was asked for beside the chunk, of the collection `slug`. */
export interface First {
  collections: Promise<Collections>;
  config: Promise<Configuration>;
  page: Promise<Problems> | false;
}

export function Collected(parts: Pick<Parts, "active" | "City" | "ReportLink">) {
  const {
    api,
    options: { collection },
    language: { lang, t }
  } = useSite();
  const { chunk, failed, load } = useLazy<CollectionChunk>("collection", true);
  const address = useOwnAddress(true);
  const [slug, first] = useMemo(() => {
    const ask = <T,>(path: string) => {
      const asked = api.get<T>("/collections" + path);
      // Whoever shows it hears of its failure.
      asked.catch(() => {});
      return asked;
    };
    const { collection: named, filters } = address.shown;
    const slug = named || collection.trim().split(/[\s,]+/)[0]!;
    const first: First = {
      collections: ask("?lang=" + lang),
      config: ask(`/${slug}?lang=${lang}`),
      page: !query(filters) && ask(`/${slug}/entries?`)
    };
    return [slug, first] as const;
  }, []);
  return chunk ? (
    <chunk.Collections {...parts} address={address} slug={slug} first={first} />
  ) : failed ? (
    <Failed text={t("list_failed")} retry={load} />
  ) : (
    <Skeleton text={t("loading_list")} />
  );
}
