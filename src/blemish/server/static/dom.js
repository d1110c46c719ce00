// Elements, made in one line each. Text is always text: nothing that comes from the server is read as HTML.

const SVG = "http://www.w3.org/2000/svg";

/** Returns an element. Attributes: on* are listeners, `class`, `dataset`, properties (`value`, `checked`, `disabled`,
 * `hidden`), and whatever else HTML has; null and false are left out. Children: elements, texts, lists of them, or null. */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** Returns an element of a drawing. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "selected"]);

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (PROPERTIES.has(name)) element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Puts these in the place of whatever the element holds. The focus is not lost by it. */
export function put(element, ...children) {
  const had = document.activeElement;
  element.replaceChildren(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  if (document.activeElement !== had) giveFocus(had, document.getElementById(had.id), document.getElementById("main"));
  return element;
}

/** Focuses the first of these that takes it: what had it and is here still, what is drawn in its stead, or else the whole
 * place, for from nowhere a keyboard would begin with the menu again. */
function giveFocus(...elements) {
  for (const element of elements) {
    if (document.activeElement === document.body) element?.focus({ preventScroll: true });
  }
}
