/** News of a problem by e-mail. */

import { useSite } from "../../shared/site.ts";
import { EmailForm } from "./emailForm.tsx";

/** `email`: where it is known already. */
export function Follow({ number, email }: { number: number; email?: string }) {
  const {
    language: { t }
  } = useSite();
  return (
    <EmailForm
      id="follow"
      number={number}
      given={email}
      hint={t("follow_hint")}
      submit={t("follow_submit")}
      sent="follow_sent"
      refusal={t("follow_consent")}
    />
  );
}
