import type { HTMLAttributes, JSX as ReactJSX, Ref } from "react";
import type { IgrajdaninWidgetElement, WidgetAttributes, WidgetEventDetails, WidgetEvents } from "./index.js";

type Handlers = {
  [Name in keyof WidgetEventDetails as `on${Capitalize<Name>}`]?: (
    event: CustomEvent<WidgetEventDetails[Name]>
  ) => void;
};
type Listeners = { [Name in keyof WidgetEvents as `on${Name}`]?: (event: WidgetEvents[Name]) => void };

export interface IgrajdaninWidgetProps
  extends
    Handlers,
    Omit<WidgetAttributes, "site-key">,
    Pick<HTMLAttributes<HTMLElement>, "children" | "className" | "id" | "style"> {
  siteKey: string;
  ref?: Ref<IgrajdaninWidgetElement>;
}

/** The children are what stands in the page without scripts: a link to `{api}/s/{key}/report`. */
export declare function IgrajdaninWidget(props: IgrajdaninWidgetProps): ReactJSX.Element;

declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "igrajdanin-widget": WidgetAttributes &
        Listeners &
        Omit<HTMLAttributes<IgrajdaninWidgetElement>, keyof WidgetAttributes> & { ref?: Ref<IgrajdaninWidgetElement> };
    }
  }
}
