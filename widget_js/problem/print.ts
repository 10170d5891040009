/** Prints the problem without the page around it. */

/**
 * For the time of printing only, and by rules alone: no element of the host's page is touched. A browser without `:has`
 * drops them and prints the page as it stands.
 */
const ALONE = `@media print {
  body :not(igrajdanin-widget, :has(igrajdanin-widget)) { display: none !important }
  :has(igrajdanin-widget) { overflow: visible !important; height: auto !important; max-height: none !important }
}`;

export function printAlone(): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(ALONE);
  // A copy: browsers hand out the list itself.
  const before = [...document.adoptedStyleSheets];
  document.adoptedStyleSheets = [...before, sheet];
  try {
    print();
  } finally {
    document.adoptedStyleSheets = before;
  }
}
