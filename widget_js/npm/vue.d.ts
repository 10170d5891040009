/** The element in templates of Vue: `import type {} from "igrajdanin-widget/vue"` once, anywhere. */

import type { HTMLAttributes } from "vue";
import type { IgrajdaninWidgetElement, WidgetAttributes, WidgetEvents } from "./index.js";

/** `@igrajdanin:step`, and `@igrajdanin-step`, which Vue writes `onIgrajdaninStep`. */
type Property<Name extends string> = Name extends `igrajdanin-${infer Event}` ? `igrajdanin${Capitalize<Event>}` : Name;
type Listeners = {
  [Name in keyof WidgetEvents as `on${Capitalize<Property<Name>>}`]?: (event: WidgetEvents[Name]) => void;
};

declare module "vue" {
  interface GlobalComponents {
    "igrajdanin-widget": new () => IgrajdaninWidgetElement & {
      $props: Omit<HTMLAttributes, keyof WidgetAttributes> & WidgetAttributes & Listeners;
    };
  }
}
