/** The collections that the element names: a row of tabs where they are several, and the one that is chosen. */

import { useLayoutEffect, useState } from "preact/hooks";
import type { Collections as Listed } from "../shared/contract.ts";
import { useResource } from "../shared/resource.ts";
import { useSite } from "../shared/site.ts";
import { useStore } from "../shared/store.ts";
import { Failed } from "../shared/ui/failure.tsx";
import { Icon } from "../shared/ui/icon.tsx";
import { Skeleton } from "../shared/ui/skeleton.tsx";
import { slugsOf } from "./entries.ts";
import { CollectionView, type CollectionProps } from "./view.tsx";

export function Collections(props: CollectionProps) {
  const { address, first } = props;
  const {
    session,
    options: { collection: named },
    language: { lang, t }
  } = useSite();
  const {
    data: answer,
    error,
    retry
  } = useResource<Listed>("/collections?lang=" + lang, { requested: first.collections });
  const { collection: slug } = useStore(address).shown;
  useLayoutEffect(() => () => session.setTitle(), []);
  const [reporting, report] = useState(false);
  // Back and forward lead from one to another too.
  useLayoutEffect(() => report(false), [slug]);
  const items = answer ? answer.items : [];
  const slugs = slugsOf(named);
  const shown = slugs.flatMap(one => items.filter(collection => collection.slug === one));
  const current = shown.find(one => one.slug === slug) || shown[0];
  const missing = answer && shown.length < slugs.length;
  useLayoutEffect(() => {
    if (missing) console.error(`igrajdanin-widget collection="${named}": ${items.map(one => one.slug).join(" ")}`);
  }, [missing, named]);
  if (error && !answer) return <Failed text={t("list_failed")} retry={retry} />;
  if (!answer) return <Skeleton text={t("loading_list")} />;
  if (!current) return <p>{t("collection_none")}</p>;
  address.first = shown[0]!.slug;
  const choose = (collection: string) => address.show({ filters: {}, collection }, true);
  return (
    <>
      {shown.length > 1 && !reporting && (
        <nav class="tabs" aria-label={t("collections")}>
          {shown.map(one => (
            <button
              key={one.slug}
              type="button"
              class="tab"
              aria-current={one === current ? "true" : undefined}
              onClick={() => one === current || choose(one.slug)}>
              <Icon path={one.icon} />
              {one.title}
            </button>
          ))}
        </nav>
      )}
      <CollectionView key={current.slug} {...props} collection={current} reporting={reporting} report={report} />
    </>
  );
}
