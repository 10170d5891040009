/** One of a long list. */

import type { ComponentChildren } from "preact";
import { described, Head, type Frame } from "../../shared/ui/field.tsx";

export function Select({
  children,
  onChange,
  value,
  ...frame
}: Frame & { value: string; onChange: (value: string) => void; children: ComponentChildren }) {
  return (
    <div class="field">
      <Head {...frame} />
      <select id={frame.id} value={value} {...described(frame)} onChange={event => onChange(event.currentTarget.value)}>
        {children}
      </select>
    </div>
  );
}
