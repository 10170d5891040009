/** One of a list, or several. */

import { described, Head, type Frame } from "../shared/ui/field.tsx";
import { Icon } from "../shared/ui/icon.tsx";

interface ChoiceProps extends Frame {
  options: { key: string; name: string; icon?: string }[];
  value: string | string[];
  onChange: (value: string | string[]) => void;
  /** After a press of a pointer, which means this one; arrow keys and screen readers walk through the values. */
  onPress?: (() => unknown) | undefined;
}

/** Radio buttons for a single value, check boxes where `value` is a list. The group takes the focus of its errors. */
export function Choice({ options, value, onChange, onPress, ...frame }: ChoiceProps) {
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
            <label
              class={checked ? "choice on" : "choice"}
              key={key}
              // Clicks that no pointer has made count none (UI Events, `detail`). The value changes after this event.
              onClick={event => onPress && event.detail && setTimeout(onPress)}>
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
