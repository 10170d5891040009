/** The extra questions of a category, drawn from their Open311 attribute definitions. */

import { TextField } from "../../shared/ui/field.tsx";
import { useSite } from "../../shared/site.ts";
import { Choice } from "../choice.tsx";
import type { SectionProps } from "../section.ts";
import { chosen, withoutPrototype } from "../values.ts";
import { Select } from "./select.tsx";

/** Up to so many values are shown at once; more go into a list. */
const FEW = 6;

export function Questions({ values, errors, set }: SectionProps) {
  const {
    config,
    language: { t }
  } = useSite();
  const { questions } = chosen(config, values);
  const { answers } = values;
  return (
    <>
      {questions.map(({ code, datatype, description, hint, required, values: options }) => {
        const id = "answers." + code;
        const value = answers[code] || "";
        const change = (next: string | string[]) => set({ answers: withoutPrototype({ ...answers, [code]: next }) });
        const frame = { id, label: description, hint, error: errors[id], optional: !required };
        const text = typeof value === "string" ? value : "";
        const many = datatype === "multivaluelist";
        if (many || (datatype === "singlevaluelist" && options.length <= FEW))
          return (
            <Choice
              key={code}
              {...frame}
              options={options}
              value={!many ? text : Array.isArray(value) ? value : []}
              onChange={change}
            />
          );
        if (datatype === "singlevaluelist")
          return (
            <Select key={code} {...frame} value={text} onChange={change}>
              <option value="">{t("choose")}</option>
              {options.map(option => (
                <option key={option.key} value={option.key}>
                  {option.name}
                </option>
              ))}
            </Select>
          );
        return (
          <TextField
            key={code}
            {...frame}
            value={text}
            onChange={change}
            {...(datatype === "text"
              ? { rows: 3 }
              : datatype === "datetime"
                ? { type: "datetime-local" }
                : datatype === "number" && { inputMode: "decimal" as const })}
          />
        );
      })}
    </>
  );
}
