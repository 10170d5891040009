/** The element in Svelte 5: `import type {} from "igrajdanin-widget/svelte"` once, in `app.d.ts`. */

import type { HTMLAttributes } from "svelte/elements";
import type { IgrajdaninWidgetElement, WidgetAttributes, WidgetEvents } from "./index.js";

type Listeners = { [Name in keyof WidgetEvents as `on${Name}`]?: (event: WidgetEvents[Name]) => void };

declare module "svelte/elements" {
  interface SvelteHTMLElements {
    "igrajdanin-widget": Omit<HTMLAttributes<IgrajdaninWidgetElement>, keyof WidgetAttributes> &
      WidgetAttributes &
      Listeners;
  }
}
