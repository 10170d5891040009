/** The widget and the form in one: what a basic widget opens with. */

export { Form, sheet } from "./form.tsx";
export { mount } from "./widget.tsx";
