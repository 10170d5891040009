/** The checks before sending, in the order of the steps; the way from a field of the API to its control and step. */

import type { ErrorBody } from "../shared/api.ts";
import type { Configuration } from "../shared/contract.ts";
import type { Language } from "../shared/i18n.ts";
import { chosen, CONTACTS, coordinates, needsConsent, type Values } from "./values.ts";

/** `control` is the id of the control that gets the focus. */
export interface FieldError {
  control: string;
  /** For `t`, when it is drawn: the language may change meanwhile. Words of the service stay as they are. */
  text: Parameters<Language["t"]>;
}

/**
 * Which controls stand in which step of a phone; extra questions belong to the description. Each step costs a tap and
 * a look at a new screen, so that what is answered together stands together.
 */
const STEPS = [
  ["category"],
  ["subject", "description", "answers", "photos"],
  ["address"],
  [...CONTACTS, "consent", "publish"]
];

/** The last of them shows everything again. */
export const REVIEW = STEPS.length - 1;
/** A question's control is named `answers.` and its code. */
export const stepOf = (control: string): number => STEPS.findIndex(names => names.includes(control.split(".")[0]!));

export const answered = (value: Values["answers"][string] | undefined): boolean => !!String(value || "").trim();

export function validate(config: Configuration, values: Values): FieldError[] {
  const errors: FieldError[] = [];
  const fail = (control: string, ...text: FieldError["text"]) => errors.push({ control, text });
  const { min, max } = config.limits.description;
  const length = [...values.description.trim()].length;
  const email = values.email.trim();
  const category = chosen(config, values);

  if (!category.code) fail("category", "error_category");
  if (config.entry && !values.subject.trim()) fail("subject", "error_question", { name: config.entry });
  if (length < min) fail("description", "error_description");
  else if (length > max) fail("description", "error_description_long", { n: length - max });
  for (const question of category.questions) {
    const value = values.answers[question.code];
    const control = "answers." + question.code;
    if (question.required && !answered(value)) fail(control, "error_question", { name: question.description });
    else if (question.datatype === "number" && answered(value) && isNaN(+String(value).replace(",", ".")))
      fail(control, "error_number", { name: question.description });
  }
  if (category.photo_required && !values.photos.length) fail("photos", "error_photo");
  if (!coordinates(values.coordinates) && !values.address.trim()) fail("address", "error_place");
  if (email && !/^\S+@\S+\.\S+$/.test(email)) fail("email", "error_email");
  else if (!email && config.contact === "required") fail("email", "error_email_required");
  if (!values.consent && needsConsent(config, values)) fail("consent", "error_consent");
  return errors;
}

/** Of fields that have another name than their control, or parts that have none of their own. */
const CONTROLS = new Map([
  ["title", "subject"],
  ["location", "address"],
  ["consent.publish_name", "publish"]
]);

/** The service's field names, mapped to controls; what it does not know lands at the consent, next to the button. */
export const fromService = ({ errors }: ErrorBody): FieldError[] =>
  (errors || []).map(({ field, detail }) => {
    const part = field.split(".")[0]!;
    const control = part === "answers" ? field : CONTROLS.get(field) || CONTROLS.get(part) || part;
    return { control: stepOf(control) < 0 ? "consent" : control, text: [(detail || "error_field") as never] };
  });
