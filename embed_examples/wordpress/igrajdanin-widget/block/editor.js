// The block in the editor: a picture of the button, and its settings at the side. The page itself is rendered by PHP.
(function (blocks, editor, components, element, texts) {
  var el = element.createElement;

  // The look and spacing that newer WordPress gives its controls anyway; without them it complains of deprecation.
  var current = { __next40pxDefaultSize: true, __nextHasNoMarginBottom: true };

  function choice(props, name, labels) {
    return el(components.SelectControl, Object.assign({}, current, {
      label: texts[name],
      value: props.attributes[name],
      options: [["", "as_set"]].concat(labels).map(function (pair) { return { value: pair[0], label: texts[pair[1]] }; }),
      onChange: function (value) { var change = {}; change[name] = value; props.setAttributes(change); }
    }));
  }

  blocks.registerBlockType("igrajdanin/widget", {
    edit: function (props) {
      return el(element.Fragment, null,
        el(editor.InspectorControls, null,
          el(components.PanelBody, { title: texts.settings },
            choice(props, "type", [["extended", "extended"], ["basic", "basic"]]),
            choice(props, "view", [["button", "dialog"], ["inline", "inline"]]),
            el(components.TextControl, Object.assign({}, current, {
              label: texts.category,
              help: texts.code,
              value: props.attributes.category,
              onChange: function (value) { props.setAttributes({ category: value.trim() }); }
            })))),
        el("div", editor.useBlockProps(),
          el("span", {
            style: { display: "inline-block", padding: "10px 16px", borderRadius: 8, background: "#0a58a6", color: "#fff" }
          }, texts.button)));
    },
    save: function () { return null; }
  });
})(wp.blocks, wp.blockEditor, wp.components, wp.element, igrajdaninEditor);
