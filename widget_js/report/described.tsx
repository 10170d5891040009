/** What stands below the description. */

import { Privacy } from "./privacy/privacy.tsx";
import { Questions } from "./questions/questions.tsx";
import type { SectionProps } from "./section.ts";

export const Described = (props: SectionProps) => (
  <>
    <Privacy {...props} />
    <Questions {...props} />
  </>
);
