import type { HTMLAttributes, JSX as ReactJSX, Ref } from "react";
import type { IgrajdaninWidgetElement, WidgetAttributes, WidgetEventDetails } from "./index.js";

type Handler<Name extends keyof WidgetEventDetails> = (event: CustomEvent<WidgetEventDetails[Name]>) => void;
type Replaced = keyof WidgetAttributes | "onError";

export interface IgrajdaninWidgetProps
  extends
    Omit<WidgetAttributes, "site-key">,
    Pick<HTMLAttributes<HTMLElement>, "children" | "className" | "id" | "style"> {
  siteKey: string;
  onOpen?: Handler<"open">;
  onStep?: Handler<"step">;
  onSubmitted?: Handler<"submitted">;
  onError?: Handler<"error">;
  onClose?: Handler<"close">;
}

/** The children are what stands in the page without scripts: a link to `{api}/s/{key}/report`. */
export declare function IgrajdaninWidget(props: IgrajdaninWidgetProps): ReactJSX.Element;

declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "igrajdanin-widget": WidgetAttributes &
        Omit<HTMLAttributes<IgrajdaninWidgetElement>, Replaced> & { ref?: Ref<IgrajdaninWidgetElement> };
    }
  }
}
