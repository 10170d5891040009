// HTML of the service's pages, checked by tests/api/test_valid_html.py.
export default {
  extends: ["html-validate:recommended"],
  elements: [
    "html5",
    {
      input: {
        inherit: "input",
        attributes: {
          // HTML, 4.10.5.1.17; the table of html-validate lacks it.
          value: { allowed: node => (node.getAttribute("type") === "file" ? "not permitted on a file input" : null) },
        },
      },
    },
  ],
  rules: {
    "valid-id": ["error", { relaxed: true }], // headings of documents may begin with a digit, as in links to GitHub
    "no-missing-references": "error", // a label, or a name, that is of nothing
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
