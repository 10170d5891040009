"use client";
/** The element for React 18 and newer. Types: react.d.ts. */

import { createElement, forwardRef, useCallback, useImperativeHandle, useInsertionEffect, useRef } from "react";

const EVENTS = ["Ready", "Open", "Step", "Submitted", "Error", "Close"];

/**
 * React 18 gives custom elements no listeners: they are added where the element enters the page, once, and call the
 * handlers of the latest rendering.
 */
export const IgrajdaninWidget = forwardRef(function IgrajdaninWidget({ siteKey, className, ...props }, ref) {
  const attributes = { "site-key": siteKey, class: className, ...props };
  for (const name of EVENTS) delete attributes[`on${name}`];
  const handlers = useRef(props);
  useInsertionEffect(() => {
    handlers.current = props;
  });
  const element = useRef(null);
  const leave = useRef(null);
  const attach = useCallback(given => {
    leave.current?.();
    element.current = given;
    if (!given) return;
    const listeners = EVENTS.map(name => [
      `igrajdanin:${name.toLowerCase()}`,
      event => handlers.current[`on${name}`]?.(event)
    ]);
    for (const [type, listener] of listeners) given.addEventListener(type, listener);
    leave.current = () => {
      for (const [type, listener] of listeners) given.removeEventListener(type, listener);
    };
  }, []);
  useImperativeHandle(ref, () => element.current, []);
  return createElement("igrajdanin-widget", { ...attributes, ref: attach });
});
