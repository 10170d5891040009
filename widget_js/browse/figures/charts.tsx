/** Further figures; those by month and by category: bars with their numbers beside them, and the same as a table. */

import { link } from "../../shared/links.ts";
import type { Outcomes, Stats } from "../../shared/contract.ts";
import type { Outcome } from "../../shared/i18n.ts";
import { useSite } from "../../shared/site.ts";
import { longest, share } from "./scale.ts";

/** Solid or hollow, so that colour is not all there is. */
interface Bar {
  value: number;
  look: string;
  label: string;
}

/** Read as a table; the bars are for the eye alone. */
function Chart({
  title,
  rows,
  most,
  heads,
  cells
}: {
  title: string;
  rows: { name: string; bars: Bar[] }[];
  most: number;
  heads: string[];
  cells: string[][];
}) {
  const {
    language: { t }
  } = useSite();
  return (
    <section class="chart">
      <h3>{title}</h3>
      <div aria-hidden="true">
        {rows.map(({ name, bars }) => (
          <div key={name} class="row">
            <span>{name}</span>
            <div>
              {bars.map(({ value, look, label }) => (
                <p key={look}>
                  <i class={look} style={`width:${share(value, most) * 0.5}%`} />
                  <span>{label}</span>
                </p>
              ))}
            </div>
          </div>
        ))}
      </div>
      <details>
        <summary>
          {t("table")}
          <span class="away">: {title}</span>
        </summary>
        <table>
          <caption class="away">{title}</caption>
          <thead>
            <tr>
              {heads.map(head => (
                <th key={head} scope="col">
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {cells.map(([name, ...values]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                {values.map((value, index) => (
                  <td key={index}>{value}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </section>
  );
}

/** What there is of it: few ratings are not published. */
function Further({ stats: { share_in_time: share, answered, returned, rating } }: { stats: Stats }) {
  const {
    config,
    language: { t, number }
  } = useSite();
  const cells = [
    share != null && ([t("figures_in_time"), t("percent", { n: Math.round(share * 100) })] as const),
    answered > 0 && ([t("figures_returned"), number(returned)] as const),
    rating && ([t("figures_rating"), t("figures_of_five", { n: number(Math.round(rating.mean * 10) / 10) })] as const)
  ];
  return (
    <>
      <dl>
        {cells.map(
          cell =>
            cell && (
              <div key={cell[0]}>
                <dt>{cell[0]}</dt>
                <dd>{cell[1]}</dd>
              </div>
            )
        )}
      </dl>
      <a class="meaning" href={link(config.links.site + "#figures")}>
        {t("figures_meaning")}
      </a>
    </>
  );
}

/** What was received, published or not, by what became of it; the reasons of rejections after their sum. */
function listOutcomes({ rejected_by_reason: reasons, ...parts }: Outcomes): [Outcome, number][] {
  const counts: Record<string, number | null> = { ...parts, ...reasons };
  const names = [
    "published",
    "rejected",
    ...Object.keys(reasons),
    "merged",
    "withdrawn",
    "erased",
    "waiting",
    "waiting_long"
  ];
  return names.flatMap(name => (counts[name] ? [[name as Outcome, counts[name]]] : []));
}

export function Charts({ stats }: { stats: Stats }) {
  const { by_month: months, by_category: all } = stats;
  const {
    language: { t, number, locale }
  } = useSite();
  const format = new Intl.DateTimeFormat(locale, { month: "long", year: "numeric", timeZone: "UTC" });
  // «ноябрь 2026 г.» where the year begins or the chart does, else «ноябрь».
  const short = new Intl.DateTimeFormat(locale, { month: "long", timeZone: "UTC" });
  const kinds = all.filter(({ total }) => total).sort((one, other) => other.total - one.total);
  // An answer that a cache keeps of an earlier service has none.
  const outcomes = stats.outcomes ? listOutcomes(stats.outcomes) : [];
  const received = t("received");
  const given = t("given");
  return (
    <div class="charts">
      <div class="wide">
        <Further stats={stats} />
      </div>
      <Chart
        title={t("months")}
        most={longest(months.flatMap(({ received, answered }) => [received, answered]))}
        rows={months.map(({ month, received: came, answered }, index) => ({
          name: (index && !month.endsWith("-01") ? short : format).format(new Date(month)).replace(/ г\.$/, ""),
          bars: [
            { value: came, look: "came", label: `${number(came)} ${index ? "" : received}` },
            { value: answered, look: "went", label: `${number(answered)} ${index ? "" : given}` }
          ]
        }))}
        heads={[t("month"), received, given]}
        cells={months.map(({ month, received: came, answered }) => [
          format.format(new Date(month)),
          number(came),
          number(answered)
        ])}
      />
      <Chart
        title={t("kinds")}
        most={longest(kinds.map(({ total }) => total))}
        rows={kinds.map(({ name, total, resolved }, index) => ({
          name,
          bars: [
            { value: total, look: "came", label: `${number(total)} ${index ? "" : received}` },
            { value: resolved, look: "solved", label: `${number(resolved)} ${index ? "" : t("solved")}` }
          ]
        }))}
        heads={[t("kind"), received, t("opened"), t("solved")]}
        cells={kinds.map(({ name, total, open, resolved }) => [name, number(total), number(open), number(resolved)])}
      />
      <Chart
        title={t("figures_outcomes")}
        most={longest(outcomes.map(([, many]) => many))}
        rows={outcomes.map(([name, many]) => ({
          name: t(`outcome_${name}`),
          bars: [{ value: many, look: "came", label: number(many) }]
        }))}
        heads={[t("figures_outcomes"), received]}
        cells={outcomes.map(([name, many]) => [t(`outcome_${name}`), number(many)])}
      />
    </div>
  );
}
