/** The words of statuses, which the build puts into the dictionary. */

import { readFileSync } from "node:fs";

export const statuses = JSON.parse(
  readFileSync(new URL("../../widget_api/locale/statuses.ru.json", import.meta.url), "utf8")
).status as Record<"accepted" | "resolved", string>;
