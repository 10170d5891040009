/** The element for React 19, which hands properties and listeners to custom elements. Types: react.d.ts. */

import { createElement } from "react";

const EVENTS = ["Ready", "Open", "Step", "Submitted", "Error", "Close"];

export function IgrajdaninWidget({ siteKey, ...props }) {
  const given = { "site-key": siteKey, ...props };
  for (const name of EVENTS) {
    const handler = `on${name}`;
    if (handler in given) given[`onigrajdanin:${name.toLowerCase()}`] = given[handler];
    delete given[handler];
  }
  return createElement("igrajdanin-widget", given);
}
