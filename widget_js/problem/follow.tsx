/** News of a problem by e-mail. */

import { T } from "../i18n.ts";
import { useSite } from "../parts/site.ts";
import { Letter } from "./letter.tsx";

export function Follow({ number }: { number: number }) {
  const { language: { t } } = useSite();
  return <Letter id="follow" number={number} hint={t(T.follow_hint)} submit={t(T.follow)} sent={T.follow_sent} refusal={t(T.follow_consent)} />;
}
