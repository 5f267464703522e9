// Runs in a page and answers what is wrong with it, as sentences.
const wrong = [];
const all = (selector) => [...document.querySelectorAll(selector)].filter((element) => element.getClientRects().length > 0);
const name = (element) => `<${element.tagName.toLowerCase()} class="${element.className}"> "${element.textContent.trim().slice(0, 30)}"`;

// Structure.
if (!["en", "de"].includes(document.documentElement.lang)) wrong.push("the language is not said");
for (const inline of document.querySelectorAll("style, [style]:not([style='']), iframe, script:not([src])")) wrong.push(`inline: ${inline.outerHTML.slice(0, 200)}`);
for (const part of document.querySelectorAll("[src], link[href]")) {
  if (new URL(part.src ?? part.href).origin !== location.origin) wrong.push(`something from elsewhere: ${part.outerHTML}`);
}
if (all("main").length !== 1) wrong.push("not one main part");
if (all("h1").length !== 1) wrong.push("not one heading of the first order");
all("h1, h2, h3").reduce((before, heading) => {
  const level = Number(heading.tagName[1]);
  if (level > before + 1) wrong.push(`a heading skips an order: ${name(heading)}`);
  return level;
}, 0);
for (const field of all("input, select, textarea")) {
  if (field.labels.length !== 1) wrong.push(`a field without a label: ${name(field)}`);
}
for (const error of all(".error")) {
  if (error.getAttribute("role") !== "alert") wrong.push(`an error that is not read out: ${name(error)}`);
}
for (const field of all("[aria-invalid]")) {
  const told = (field.getAttribute("aria-describedby") ?? "").split(" ").some((id) => document.getElementById(id)?.matches(".error"));
  if (!told) wrong.push(`a mistake that is not told: ${name(field)}`);
}
for (const described of document.querySelectorAll("[aria-describedby], [aria-labelledby]")) {
  const ids = `${described.getAttribute("aria-describedby") ?? ""} ${described.getAttribute("aria-labelledby") ?? ""}`;
  for (const id of ids.split(" ").filter(Boolean)) if (!document.getElementById(id)) wrong.push(`described by ${id}, which is not there`);
}

// Room.
const width = document.documentElement.clientWidth;
for (const element of all("body *:not(.skip)")) {
  const { left, right } = element.getBoundingClientRect();
  if (left < -0.5 || right > width + 0.5) wrong.push(`sticks out of ${width} px: ${name(element)}`);
}
for (const target of all("button, input, select, textarea, a:not(.skip)")) {
  const least = target.matches("p a") && !target.matches(".button") ? 0 : 44;
  const { height } = (target.type === "checkbox" ? target.closest("label") : target).getBoundingClientRect();
  const most = target.matches("button, .button") ? 60 : Infinity;
  if (height < least || height > most) wrong.push(`${height} px high: ${name(target)}`);
}

// Contrast (WCAG 2.2, 1.4.3 and 1.4.11).
const channels = (color) => color.match(/[\d.]+/g).map(Number);
const light = (color) => {
  const [r, g, b] = channels(color).map((part) => (part /= 255) <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (a, b) => {
  const [less, more] = [light(a), light(b)].sort((x, y) => x - y);
  return (more + 0.05) / (less + 0.05);
};
const ground = (element) => {
  const { backgroundColor } = getComputedStyle(element);
  if (channels(backgroundColor)[3] !== 0) return backgroundColor;
  return element.parentElement ? ground(element.parentElement) : "rgb(255, 255, 255)";
};
const check = (what, element, color, behind, least) => {
  const found = contrast(color, behind);
  if (found < least) wrong.push(`${what} ${color} on ${behind}: ${found.toFixed(2)} < ${least}: ${name(element)}`);
};
for (const element of all("body *:not(option)")) {
  const style = getComputedStyle(element);
  const speaks = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  if (speaks || element.value) check("text", element, style.color, ground(element), 4.5);
  if (element.placeholder) wrong.push(`an example that looks like an entry: ${name(element)}`);
  if (element.matches("input:not([type=checkbox]), select, textarea, button, .button") && style.borderTopWidth !== "0px") {
    check("border", element, style.borderTopColor, ground(element.parentElement), 3);
  }
}
return wrong;
