/** The pages of problems, and of entries of a collection. */

import { link } from "./links.ts";
import type { Site } from "./site.ts";

export const pageOf = ({ config, entries }: Pick<Site, "config" | "entries">, number: number): string | undefined =>
  link(config.links.site + (entries ? "/" : "/problems/") + number);
