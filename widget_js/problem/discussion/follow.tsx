/** News of a problem by e-mail. */

import { useSite } from "../../shared/site.ts";
import { EmailForm } from "./emailForm.tsx";

export function Follow({ number }: { number: number }) {
  const {
    language: { t }
  } = useSite();
  return (
    <EmailForm
      id="follow"
      number={number}
      hint={t("follow_hint")}
      submit={t("follow")}
      sent="follow_sent"
      refusal={t("follow_consent")}
    />
  );
}
