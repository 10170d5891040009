/** The controls that only the form has: one of a list, or several. */

import type { ComponentChildren } from "preact";
import { described, Head, type Frame } from "../shared/ui/field.tsx";
import { Icon } from "../shared/ui/icon.tsx";

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

interface ChoiceProps extends Frame {
  options: { key: string; name: string; icon?: string }[];
  value: string | string[];
  onChange: (value: string | string[]) => void;
}

/** Radio buttons for a single value, check boxes where `value` is a list. The group takes the focus of its errors. */
export function Choice({ options, value, onChange, ...frame }: ChoiceProps) {
  const many = Array.isArray(value);
  const toggle = (key: string) =>
    onChange(!many ? key : value.includes(key) ? value.filter(one => one !== key) : [...value, key]);
  return (
    <fieldset class="field" id={frame.id} tabIndex={-1} {...described(frame)}>
      <Head {...frame} tag="legend" />
      <div class="choices">
        {options.map(({ key, name, icon }) => {
          const checked = many ? value.includes(key) : value === key;
          return (
            <label class={checked ? "tick choice on" : "tick choice"} key={key}>
              <input
                type={many ? "checkbox" : "radio"}
                name={frame.id}
                value={key}
                checked={checked}
                onChange={() => toggle(key)}
              />
              {icon && <Icon path={icon} />}
              <span>{name}</span>
            </label>
          );
        })}
      </div>
    </fieldset>
  );
}
