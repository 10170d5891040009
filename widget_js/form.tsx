/** The chunk of the form, where it does not come with the widget: code only, so that a change of language keeps what is typed. */

import styles from "./form/form.css";

export const sheet = new CSSStyleSheet();
sheet.replaceSync(styles);
export { Form } from "./form/form.tsx";
