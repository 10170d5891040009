/** Prints the problem without the page around it, and with what a sheet of paper must say of itself. */

import type { Site } from "../../shared/site.ts";

/**
 * For the time of printing only, and by rules alone: no element of the host's page is touched. A browser without `:has`
 * drops them and prints the page as it stands.
 */
const ALONE = `@media print {
  body :not(igrajdanin-widget, :has(igrajdanin-widget)) { display: none !important }
  :has(igrajdanin-widget) { overflow: visible !important; height: auto !important; max-height: none !important }
}`;

/** Who answers, where this can be read on, and of which day it is. */
export function printAlone(
  { host, config, language: { t, date } }: Pick<Site, "host" | "config" | "language">,
  address: string
): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(ALONE);
  // A copy: browsers hand out the list itself.
  const before = [...document.adoptedStyleSheets];
  document.adoptedStyleSheets = [...before, sheet];
  const head = document.createElement("p");
  head.className = "printed";
  head.textContent = [
    config.agency.name,
    address,
    t("printed", { date: `${date(Date.now())} ${new Date().getFullYear()}` })
  ].join("\n");
  host.shadowRoot!.querySelector("article")!.prepend(head);
  try {
    print();
  } finally {
    head.remove();
    document.adoptedStyleSheets = before;
  }
}
