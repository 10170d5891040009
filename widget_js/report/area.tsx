/** What the service says of the place that was put: that it lies elsewhere, and whose it is. */

import { link } from "../shared/links.ts";
import type { SectionProps } from "./section.ts";

export function Area({ area }: SectionProps) {
  return area && area.detail ? (
    <p class={"notice" + (area.receiver ? "" : " bad")} role="alert">
      <span>
        {area.detail} {area.other && <a href={link(area.other.url)}>{area.other.agency}</a>}
      </span>
    </p>
  ) : null;
}
