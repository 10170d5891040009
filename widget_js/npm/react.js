/** The element for React, with handlers for its events. Types: react.d.ts. */

import { createElement, useEffect, useRef } from "react";

export function IgrajdaninWidget({ siteKey, children, onOpen, onStep, onSubmitted, onError, onClose, ...attributes }) {
  const element = useRef(null);
  // Anew after each drawing, so that the handlers are those of the newest.
  useEffect(() => {
    const listening = new AbortController();
    const handlers = { open: onOpen, step: onStep, submitted: onSubmitted, error: onError, close: onClose };
    for (const [name, handler] of Object.entries(handlers)) {
      if (handler) element.current.addEventListener(`igrajdanin:${name}`, handler, listening);
    }
    return () => listening.abort();
  });
  return createElement("igrajdanin-widget", { ...attributes, ref: element, "site-key": siteKey }, children);
}
