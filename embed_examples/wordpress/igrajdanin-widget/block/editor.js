// The block in the editor: a picture of the button, and its settings at the side. The page itself is rendered by PHP.
(function (blocks, editor, components, element, texts) {
  var el = element.createElement;

  // The look and spacing that newer WordPress gives its controls anyway; without them it complains of deprecation.
  var current = { __next40pxDefaultSize: true, __nextHasNoMarginBottom: true };

  function choice(props, name, labels) {
    return el(components.SelectControl, Object.assign({}, current, {
      label: texts[name],
      value: props.attributes[name],
      options: [{ value: "", label: texts.as_set }].concat(labels.map(function (pair) {
        return { value: pair[0], label: pair[1] };
      })),
      onChange: function (value) { set(props, name, value); }
    }));
  }

  function line(props, name, help) {
    return el(components.TextControl, Object.assign({}, current, {
      label: texts[name],
      help: help,
      value: props.attributes[name],
      onChange: function (value) { set(props, name, value.trim()); }
    }));
  }

  function set(props, name, value) {
    var change = {};
    change[name] = value;
    props.setAttributes(change);
  }

  blocks.registerBlockType("igrajdanin/widget", {
    edit: function (props) {
      return el(element.Fragment, null,
        el(editor.InspectorControls, null,
          el(components.PanelBody, { title: texts.settings },
            choice(props, "type", [["extended", texts.extended], ["basic", texts.basic]]),
            choice(props, "view", [["button", texts.dialog], ["inline", texts.inline], ["figures", texts.figures]]),
            choice(props, "theme", Object.entries(texts.themes)),
            line(props, "category", texts.code),
            line(props, "lang", texts.spoken))),
        el("div", editor.useBlockProps(),
          el("span", {
            style: { display: "inline-block", padding: "10px 16px", borderRadius: 8, background: "#0a58a6", color: "#fff" }
          }, texts.button)));
    },
    save: function () { return null; }
  });
})(wp.blocks, wp.blockEditor, wp.components, wp.element, igrajdaninEditor);
