/** How a status looks and what it is called, by the table of the service: chips, charts and the marks of the map. */

import { shapes, statuses } from "../../widget_api/statuses.json";
import type { Status } from "./contract.ts";
import type { Language } from "./i18n.ts";

/** `overdue` is shown like a status. */
export type Shown = Status | "overdue";

/** Drawn at 16 px. */
type Look = [path: string, tone: string, fill?: "filled"];

/** A status that this version does not know looks like a new one, and has no label. */
export const look = (status: Shown): Look =>
  shapes[(statuses[status] || statuses.accepted)[0] as keyof typeof shapes] as Look;

export const statusLabel = (status: Shown, { texts }: Language): string | undefined => texts[status];

/** The work is over: no future step is shown, and no voice is taken any more. */
export const isClosed = ({ status }: { status: Status }): boolean => (statuses[status] || [])[1] === "closed";
