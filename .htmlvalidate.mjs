// HTML of the service's pages, checked by tests/api/test_valid_html.py.
export default {
  extends: ["html-validate:recommended"],
  rules: {
    "form-dup-name": ["error", { shared: ["radio", "checkbox", "button", "submit"] }], // one choice of several
    // A list's name is read by every screen reader we drive; ARIA in HTML allows it.
    "aria-label-misuse": ["error", { allowAnyNamable: true }],
    // The four below are about how the source is written, which templates and a serializer decide.
    "doctype-style": "off",
    "no-trailing-whitespace": "off",
    "attribute-boolean-style": "off",
    "attribute-empty-style": "off",
    // A title names the report and the site; cutting either at 70 characters serves nobody.
    "long-title": "off",
  },
};
