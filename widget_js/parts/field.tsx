/** A labelled control: label above, hint below it, error between them and the control. */

import type { ComponentChildren } from "preact";
import { T } from "../i18n.ts";
import { useSite } from "./site.ts";
import { Icon } from "./icon.tsx";

interface Frame {
  id: string;
  label: string;
  hint?: string | null | undefined;
  error?: string | undefined;
  optional?: boolean;
}

const described = ({ id, hint, error }: Frame): object => ({
  "aria-describedby": [hint && id + "-hint", error && id + "-error"].filter(Boolean).join(" ") || undefined,
  "aria-invalid": error ? "true" : undefined,
});

function Notes({ id, hint, error }: Frame) {
  return <>
    {hint && <p class="hint" id={id + "-hint"}>{hint}</p>}
    <FieldErrorText id={id} error={error} />
  </>;
}

export function FieldErrorText({ id, error }: { id: string; error?: string | undefined }) {
  return error ? <p class="error" id={id + "-error"}><Icon name="alert" />{error}</p> : null;
}

function Optional({ optional }: { optional?: boolean | undefined }) {
  const { language } = useSite();
  return optional ? <span class="muted"> ({language.t(T.optional)})</span> : null;
}

interface TextProps extends Frame {
  value: string;
  onChange: (value: string) => void;
  type?: "text" | "email" | "tel" | "datetime-local";
  inputMode?: "email" | "decimal";
  autoComplete?: string;
  maxLength?: number;
  /** More than one line. */
  rows?: number;
}

export function TextField({ label, hint, error, optional, onChange, rows, type = "text", ...rest }: TextProps) {
  const frame = { id: rest.id, label, hint, error };
  const common = { ...rest, ...described(frame) };
  return <div class="field">
    <label class="label" for={rest.id}>{label}<Optional optional={optional} /></label>
    <Notes {...frame} />
    {rows ? <textarea {...common} rows={rows} onInput={event => onChange(event.currentTarget.value)} />
      // Preact types every kind of input apart; the union is narrowed by hand.
      : <input {...common} type={type as "text"} onInput={event => onChange(event.currentTarget.value)} />}
  </div>;
}

export function Select({ children, onChange, value, ...frame }: Frame & { value: string; onChange: (value: string) => void; children: ComponentChildren }) {
  return <div class="field">
    <label class="label" for={frame.id}>{frame.label}<Optional optional={frame.optional} /></label>
    <Notes {...frame} />
    <select id={frame.id} value={value} {...described(frame)} onChange={event => onChange(event.currentTarget.value)}>
      {children}
    </select>
  </div>;
}

interface ChoiceProps extends Frame {
  options: { key: string; name: string }[];
  value: string | string[];
  onChange: (value: string | string[]) => void;
}

/** Radio buttons for a single value, check boxes where `value` is a list. The group takes the focus of its errors. */
export function Choice({ options, value, onChange, ...frame }: ChoiceProps) {
  const many = Array.isArray(value);
  const toggle = (key: string) =>
    onChange(!many ? key : value.includes(key) ? value.filter(one => one !== key) : [...value, key]);
  return <fieldset class="field" id={frame.id} tabIndex={-1} {...described(frame)}>
    <legend class="label">{frame.label}<Optional optional={frame.optional} /></legend>
    <Notes {...frame} />
    <div class="choices">
      {options.map(({ key, name }) => {
        const checked = many ? value.includes(key) : value === key;
        return <label class={checked ? "choice on" : "choice"} key={key}>
          <input type={many ? "checkbox" : "radio"} name={frame.id} value={key} checked={checked} onChange={() => toggle(key)} />
          <span>{name}</span>
        </label>;
      })}
    </div>
  </fieldset>;
}

export function Check({ id, error, checked, onChange, children }: {
  id: string; error?: string | undefined; checked: boolean; onChange: (checked: boolean) => void; children: ComponentChildren;
}) {
  return <div class="field">
    <FieldErrorText id={id} error={error} />
    <label class="tick">
      <input type="checkbox" id={id} checked={checked} {...described({ id, label: "", error })}
        onChange={event => onChange(event.currentTarget.checked)} />
      <span>{children}</span>
    </label>
  </div>;
}
