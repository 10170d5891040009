/** Addresses that may stand behind a link. */

import type { Options } from "../loader/host.ts";

/** An address that leads somewhere or calls somebody, never one that is code. */
export const link = (address: string | null | undefined): string | undefined =>
  /^(https?|tel|mailto):/i.test(address || "") ? address! : undefined;

/** The form that works without this script: the link in the snippet, else the service's own page. */
export const plainLink = (host: HTMLElement, { service, key }: Options): string => {
  const own = host.querySelector("a");
  return link(own && own.href) || `${service}/s/${key}/report`;
};
