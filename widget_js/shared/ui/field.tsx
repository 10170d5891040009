/** A labelled control: label above, hint below it, error between them and the control. */

import type { ComponentChildren } from "preact";
import { useSite } from "../site.ts";
import { Icon } from "./icon.tsx";
import { Words } from "./words.tsx";

export interface Frame {
  id: string;
  label: string;
  hint?: string | null | undefined;
  error?: string | undefined;
  optional?: boolean;
  /** The hint changes while the person types: it is read out. */
  live?: boolean;
}

export const described = ({ id, hint, error }: Partial<Frame>): object => ({
  "aria-describedby": [hint && id + "-hint", error && id + "-error"].filter(Boolean).join(" ") || undefined,
  "aria-invalid": !!error || undefined
});

/** What stands above a control. */
export function Head({
  id,
  label,
  hint,
  error,
  optional,
  live,
  tag: Tag = "label"
}: Frame & { tag?: "label" | "legend" }) {
  const {
    language: { t }
  } = useSite();
  return (
    <>
      <Tag class="label" for={id}>
        {label}
        {optional && <span class="muted"> ({t("optional")})</span>}
      </Tag>
      {(hint || live) && (
        <p class="hint" id={id + "-hint"} role={live ? "status" : undefined}>
          <Words>{hint}</Words>
        </p>
      )}
      <FieldErrorText id={id} error={error} />
    </>
  );
}

export function FieldErrorText({ id, error }: { id: string; error?: string | undefined }) {
  return error ? (
    <p class="error" id={id + "-error"}>
      <Icon name="alert" />
      <Words>{error}</Words>
    </p>
  ) : null;
}

interface TextProps extends Frame {
  value: string;
  onChange: (value: string) => void;
  type?: "text" | "email" | "tel" | "search" | "datetime-local";
  inputMode?: "email" | "decimal";
  autoComplete?: string;
  /** More than one line. */
  rows?: number;
}

/** No limit cuts off what is typed or dictated: too long is an error that can be mended. */
export function TextField({ label, hint, error, optional, live, onChange, rows, type = "text", ...rest }: TextProps) {
  const frame = { id: rest.id, label, hint, error, optional, live } as Frame;
  const common = {
    ...rest,
    ...described(frame),
    onInput: (event: Event) => onChange((event.currentTarget as HTMLInputElement).value)
  };
  return (
    <div class="field">
      <Head {...frame} />
      {/* Preact types every kind of input apart; the union is narrowed by hand. */}
      {rows ? <textarea {...common} rows={rows} /> : <input {...common} type={type as "text"} />}
    </div>
  );
}

export function Check({
  id,
  error,
  checked,
  onChange,
  children
}: {
  id: string;
  error?: string | undefined;
  checked: boolean;
  onChange: (checked: boolean) => void;
  children: ComponentChildren;
}) {
  return (
    <div class="field">
      <FieldErrorText id={id} error={error} />
      <label class="tick">
        <input
          type="checkbox"
          id={id}
          checked={checked}
          {...described({ id, error })}
          onChange={event => onChange(event.currentTarget.checked)}
        />
        <span>{children}</span>
      </label>
    </div>
  );
}
