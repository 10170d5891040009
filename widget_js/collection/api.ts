/** A collection's part of the API: an entry is asked for and sent as a problem is, under the collection's address. */

import type { Api } from "../shared/api.ts";
import type { Collection, Problems, Question } from "../shared/contract.ts";
import { isDated } from "../shared/dated.ts";

/**
 * The filter of answers, `answers=code:key,…`, as the service takes it, `field.code=key`; without what a shared address
 * names and the collection no longer has, which would be refused.
 */
function toEntriesQuery(query: string, fields: Question[]): string {
  const parameters = new URLSearchParams(query);
  const answers = (parameters.get("answers") || "").split(",");
  parameters.delete("answers");
  for (const { code, values } of fields)
    for (const { key } of values) if (answers.includes(`${code}:${key}`)) parameters.append("field." + code, key);
  if (isDated(fields) && answers.includes("past:true")) parameters.set("past", "true");
  return "?" + String(parameters);
}

/** `first`: the unfiltered list, where it is on its way already; good once. Challenge and tickets are the site's. */
export function ofCollection(
  api: Api,
  { slug, fields }: Pick<Collection, "slug" | "fields">,
  first?: Promise<Problems> | false
): Api {
  const root = "/collections/" + slug;
  const pathOf = (path: string) =>
    root + path.replace(/^\/problems/, "/entries").replace(/\?.*/, found => toEntriesQuery(found, fields));
  let requested = first;
  return Object.assign(Object.create(api) as Api, {
    site: api.site + root,
    seen: () => api.seen(),
    get(path: string, _?: number, init?: RequestInit) {
      const page = path === "/problems?" && requested;
      if (page) requested = undefined;
      return page || api.get(pathOf(path), undefined, init);
    },
    send: (path: string, body: unknown, headers?: Record<string, string>) => api.send(pathOf(path), body, headers)
  });
}
