/** What it is about: topics with icons, a search where there are many, and the notice of the one that was picked. */

import { useState } from "preact/hooks";
import { link } from "../shared/links.ts";
import { TextField } from "../shared/ui/field.tsx";
import { Choice } from "./choice.tsx";
import { Icon } from "../shared/ui/icon.tsx";
import { useSite } from "../shared/site.ts";
import type { SectionProps } from "./section.ts";
import { chosen, type Values } from "./values.ts";

/** More topics than this get a search. */
const MANY = 8;
/** People write «е» for «ё». */
const fold = (text: string) => " " + text.trim().toLowerCase().replace(/ё/g, "е");

export function CategorySection({ values, errors, set, goOn }: SectionProps) {
  const {
    config: { categories },
    language: { t }
  } = useSite();
  const [query, setQuery] = useState("");
  // «не горит фонарь», «собака»: any of its words, but for the shortest, and without their endings.
  const typed = fold(query);
  const stems = typed.match(/ \S{3,5}/g) || [typed];
  // Where nothing is found, all are shown: nobody is left without a way on.
  const found = categories.filter(({ name, words }) => stems.some(stem => fold(name + " " + words).includes(stem)));
  return (
    <>
      {categories.length > MANY && (
        <TextField
          id="search"
          type="search"
          label={t("search")}
          hint={query && (found.length ? t("found", { n: found.length }) : t("found_none"))}
          live
          value={query}
          onChange={setQuery}
        />
      )}
      <Choice
        id="category"
        label={t("category_label")}
        error={errors.category}
        value={values.category}
        options={categories
          .filter(one => !found.length || found.includes(one) || one.code === values.category)
          .map(({ code, name, icon }) => ({ key: code, name, icon }))}
        onChange={category => set({ category: category as string })}
        onPress={goOn}
      />
      <div role="status">
        <Notice values={values} />
      </div>
    </>
  );
}

export function Notice({ values }: { values: Values }) {
  const { notice_parts: notice } = chosen(useSite().config, values);
  return notice ? (
    <p class="notice">
      <Icon name="info" />
      <span>
        {notice.map(([text, href]) =>
          href ? (
            <a key={text} href={link(href)}>
              {text}
            </a>
          ) : (
            text
          )
        )}
      </span>
    </p>
  ) : null;
}
