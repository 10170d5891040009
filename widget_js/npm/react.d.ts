import type { CSSProperties, HTMLAttributes, ReactElement, Ref } from "react";
import type { IgrajdaninWidgetElement, WidgetAttributes, WidgetEventDetails, WidgetEvents } from "./index.js";

type Handlers = {
  [Name in keyof WidgetEventDetails as `on${Capitalize<Name>}`]?: (
    event: CustomEvent<WidgetEventDetails[Name]>
  ) => void;
};
/** With the custom properties that colour and measure the widget. */
type Style = { style?: CSSProperties & { [property: `--${string}`]: string | number | undefined } };
type Listeners = { [Name in keyof WidgetEvents as `on${Name}`]?: (event: WidgetEvents[Name]) => void };

export interface IgrajdaninWidgetProps
  extends
    Handlers,
    Omit<WidgetAttributes, "site-key">,
    Style,
    Pick<HTMLAttributes<HTMLElement>, "children" | "className" | "id"> {
  siteKey: string;
  ref?: Ref<IgrajdaninWidgetElement>;
}

/** The children are what stands in the page without scripts: a link to `{api}/s/{key}/report`. */
export declare function IgrajdaninWidget(props: IgrajdaninWidgetProps): ReactElement;

declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "igrajdanin-widget": WidgetAttributes &
        Listeners &
        Style &
        Omit<HTMLAttributes<IgrajdaninWidgetElement>, keyof WidgetAttributes | "style"> & {
          key?: string | number | null;
          ref?: Ref<IgrajdaninWidgetElement>;
        };
    }
  }
}
