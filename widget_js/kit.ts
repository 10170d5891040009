/** What other chunks take from the widget's own: they import it by name, so there is one copy and no shared third file. */

export { Fragment, h } from "preact";
export { useEffect, useRef, useState } from "preact/hooks";
export { ApiError } from "./api.ts";
export { FieldErrorText, TextField } from "./parts/field.tsx";
export { focusOn } from "./parts/hooks.ts";
export { useSite } from "./parts/site.ts";
export { Icon } from "./parts/icon.tsx";
