/** The extra questions of a category, drawn from their Open311 attribute definitions. */

import type { Question } from "../../shared/contract.ts";
import { TextField } from "../../shared/ui/field.tsx";
import { useSite } from "../../shared/site.ts";
import { Choice } from "../choice.tsx";
import { withoutPrototype, type Values } from "../values.ts";
import { Select } from "./select.tsx";

/** Up to so many values are shown at once; more go into a list. */
const FEW = 6;

export function Questions({
  questions,
  answers,
  errors,
  onChange
}: {
  questions: Question[];
  answers: Values["answers"];
  errors: Record<string, string>;
  onChange: (answers: Values["answers"]) => void;
}) {
  const {
    language: { t }
  } = useSite();
  return (
    <>
      {questions.map(({ code, datatype, description, hint, required, values: options }) => {
        const id = "answers." + code;
        const value = answers[code] || "";
        const change = (next: string | string[]) => onChange(withoutPrototype({ ...answers, [code]: next }));
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
