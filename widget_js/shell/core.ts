/**
 * The chunk that all others import: the frame of the widget, and what they need of Preact and of shared/. The build
 * leads their imports here (build.mjs), and fails on one that is missing; modules of shared/ that are not named go
 * where they are used.
 */

export { Fragment, h } from "preact";
export { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
export { document } from "../shared/document.ts";
export { emit, isExtended, outer, TAG } from "../loader/host.ts";
export { ApiError } from "../shared/api.ts";
export { focus, focusOn, show } from "../shared/focus.ts";
export { json } from "../shared/json.ts";
export { loadWithTexts, useLazy } from "../shared/lazy.ts";
export { link } from "../shared/links.ts";
export { useResource } from "../shared/resource.ts";
export { SiteContext, useSite } from "../shared/site.ts";
export { Store, useStore } from "../shared/store.ts";
export { ignoreErrors } from "../shared/storage.ts";
export { reportFailure } from "../shared/telemetry.ts";
export { Failed } from "../shared/ui/failure.tsx";
export { Check, described, FieldErrorText, Head, TextField } from "../shared/ui/field.tsx";
export { Icon } from "../shared/ui/icon.tsx";
export { logRefusal, Refusal, refuses } from "../shared/ui/refusal.tsx";
export { Skeleton } from "../shared/ui/skeleton.tsx";
export { View } from "../shared/ui/view.tsx";
export { Words } from "../shared/ui/words.tsx";
export { mount } from "./widget.tsx";
