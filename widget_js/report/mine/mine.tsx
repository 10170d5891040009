/** «Мои сообщения»: what is unsent, what was sent from this browser, and the way to all others. */

import { useState } from "preact/hooks";
import { isOwnClick } from "../../shared/click.ts";
import type { Detail } from "../../shared/contract.ts";
import { focusOn } from "../../shared/focus.ts";
import { link } from "../../shared/links.ts";
import { pageOf } from "../../shared/page.ts";
import { useResource } from "../../shared/resource.ts";
import { useSite } from "../../shared/site.ts";
import { Icon } from "../../shared/ui/icon.tsx";
import { Words } from "../../shared/ui/words.tsx";
import { Drafts, type Found } from "../drafts.ts";
import type { ReportSession } from "../session.ts";
import { createUnsent, describe, list, type UnsentReports } from "../unsent/unsent.ts";
import { forget, linksTo, sentTo, type Sent } from "./sent.ts";

export function Mine() {
  const site = useSite();
  const {
    config,
    host,
    options: { key },
    language: { t }
  } = site;
  const [sent, setSent] = useState(() => sentTo(key));
  const [news, tell] = useState("");
  return (
    <>
      <p class="note" role="status">
        <Words>{news}</Words>
      </p>
      <UnsentDrafts />
      {sent[0] ? (
        <ul class="facts own">
          {sent.map(one => (
            <Row key={one.number} {...one} own={link(linksTo(key)[one.number])} />
          ))}
        </ul>
      ) : (
        !news && <p class="panel">{t("mine_none")}</p>
      )}
      {sent[0] && (
        <p class="hint">
          {t("mine_hint")}{" "}
          <button
            class="link"
            type="button"
            onClick={() => {
              forget(key);
              setSent([]);
              tell(t("mine_forgotten"));
              focusOn(host, "title");
            }}>
            {t("mine_forget")}
          </button>
        </p>
      )}
      <p class="actions own">
        <button class="button quiet" type="button" onClick={() => site.turn("report")}>
          {t("title")}
        </button>
        <a href={link(config.links.track)} target="_blank" rel="noopener">
          {t("mine_others")}
        </a>
      </p>
    </>
  );
}

/** Of all pages of the site, that of the form of this widget among them. */
function UnsentDrafts() {
  const site = useSite();
  const { host, options, session, language } = site;
  const { t } = language;
  const read = () => {
    const forms: ReportSession[] = [];
    session.whenPart<ReportSession>("report", report => forms.push(report));
    const [form] = forms;
    if (!form) {
      // What another form of the page holds goes on under a new name there, as with two tabs.
      const drafts = new Drafts(options.key);
      drafts.release();
      return { drafts, found: list(drafts) };
    }
    form.write();
    const { draft, page, drafts, sending } = form;
    const own: Found = { name: "", page, draft, writtenAt: 0, isOwn: true };
    return { drafts, found: sending.state === "received" ? list(drafts) : [own, ...list(drafts)] };
  };
  const [{ drafts, found }, set] = useState(read);
  const resume = (one: Found) => {
    site.turn("report");
    if (one.name)
      session.whenPart<ReportSession>("report", report => {
        report.attachUnsent(createUnsent);
        (report.unsent as UnsentReports).resume(one);
      });
  };
  const discard = ({ name }: Found) => {
    drafts.remove(name);
    set(read);
    focusOn(host, "title");
  };
  return (
    <>
      {found.map(one => {
        const text = describe(one.draft, language);
        const press = (label: "draft_resume" | "draft_discard", act: (one: Found) => void) => (
          <button class="link" type="button" onClick={() => act(one)}>
            {t(label)}
          </button>
        );
        return (
          text && (
            <div class="notice" key={one.name}>
              <Icon name="info" />
              <div>
                <p>{t(one.draft.sent ? "draft_offer_sent" : "draft_offer", { text })}</p>
                <p class="actions">
                  {press("draft_resume", resume)}
                  {one.name && press("draft_discard", discard)}
                </p>
              </div>
            </div>
          )
        );
      })}
    </>
  );
}

/** `own`: the private page. Without it a person sees of a report what everybody sees. */
function Row({ number, at, own }: Sent & { own: string | undefined }) {
  const site = useSite();
  const {
    config,
    options,
    session,
    language: { t, date, number: figure, texts }
  } = site;
  const { data, error } = useResource<Detail>("/problems/" + number);
  const isInside = !own && data && options.extended && config.type === "extended";
  const { track } = config.links;
  const page =
    own || (data ? pageOf(site, number) : link(`${track}${track.includes("?") ? "&" : "?"}number=${number}`));
  const state = data
    ? texts[data.status] || config.statuses[data.status] || t("mine_closed")
    : error && error.status === 404 && t("mine_unpublished");
  return (
    <li>
      <a
        href={page}
        target={isInside ? undefined : "_blank"}
        rel="noopener"
        onClick={event => {
          if (!isInside || !isOwnClick(event)) return;
          event.preventDefault();
          site.turn("browse");
          session.whenPart<{ openProblem(number: number): void }>("address", address => address.openProblem(number));
        }}>
        {t("done_number", { number: figure(number) })}
      </a>
      {data && <p lang={config.language}>{data.description.split("\n")[0]}</p>}
      <p class="hint">{[date(at), state].filter(Boolean).join(" · ")}</p>
    </li>
  );
}
